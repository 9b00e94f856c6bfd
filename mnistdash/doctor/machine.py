"""Whether the machine, its Python and its packages will do."""

import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mnistdash.doctor.findings import OK, PROBLEM, REINSTALL, WARNING, Finding, size

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from mnistdash.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent.parent
PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest that the pinned packages exist for
STAND_INS = {"tensorflow-cpu": "tensorflow"}  # the larger build does the same
SERVER = 500_000_000  # bytes of a server: 340 MB after all sections of Errors, and room for a class
TRAINING = 760_000_000  # bytes of the largest run beside it, TensorFlow included


def python() -> Iterator[Finding]:
    """Whether this Python will do."""
    name = f"Python {platform.python_version()}"
    (_, oldest), (_, newest) = PYTHONS
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        yield Finding(OK, f"{name} on {platform.system()} {platform.machine()}.")
    else:
        yield Finding(PROBLEM, f"{name} is not supported.", f"Use Python 3.{oldest} to 3.{newest}.")


def packages() -> Iterator[Finding]:
    """Whether the packages are those that were tested."""
    pins, fine = _pins(PROJECT / "requirements.txt"), 0
    for pin in pins:
        name, version = _installed(pin)
        if version is None:
            yield Finding(PROBLEM, f"The package {pin.name} is missing; {pin.specifier} is needed.", REINSTALL)
        elif not pin.specifier.contains(version, prereleases=True):
            yield Finding(WARNING, f"{name} {version} is installed; {pin.specifier} is what was tested.", REINSTALL)
        else:
            fine += 1
    if fine == len(pins):
        yield Finding(OK, f"All {fine} packages are those of requirements.txt.")


def processor() -> Iterator[Finding]:
    """Whether there are enough cores."""
    from mnistdash.system import resources

    cores = resources.usable_cores(resources.CGROUP)
    if cores > 1:
        yield Finding(OK, f"{cores} processor cores can be used.")
    else:
        yield Finding(WARNING, "One processor core can be used: while a run trains, pages wait.", "Give it two.")


def memory(settings: "Settings") -> Iterator[Finding]:
    """Whether there is memory for a server and its runs."""
    from mnistdash.system import resources

    installed, available = _installed_memory(), resources.available_memory(resources.CGROUP)
    trainings = 0 if settings.readonly else settings.concurrent_runs
    needed = SERVER + trainings * TRAINING
    needs = f"a server takes {size(SERVER)}" + (f", each run {size(TRAINING)} more" if trainings else "")
    has = f"{size(available)} of {size(installed)} of memory are free"
    without = "" if settings.readonly else ", or set MNISTDASH_READONLY=1 to do without training"
    if installed < SERVER:
        yield Finding(PROBLEM, f"There are {size(installed)} of memory; {needs}.", "Give it more.")
    elif installed < needed:
        yield Finding(WARNING, f"There are {size(installed)} of memory; {needs}.", f"Give it more{without}.")
    elif available < needed:
        yield Finding(WARNING, f"{has}; {needs}.", "End other programs, unless the dashboard is among what runs.")
    else:
        yield Finding(OK, f"{has}.")


def _pins(path: Path) -> "list[Requirement]":
    """What requirements.txt asks for on this machine."""
    from packaging.requirements import Requirement

    texts = (line.split(" #")[0].strip() for line in path.read_text().splitlines())
    pins = [Requirement(text) for text in texts if text and not text.startswith(("#", "-"))]
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def _installed(pin: "Requirement") -> tuple[str, str | None]:
    """The name and the version of the package that answers a requirement; None for no version."""
    for name in (pin.name, STAND_INS.get(pin.name)):
        if name is not None:
            try:
                if version := importlib.metadata.version(name):  # what is left of a package may have none
                    return name, version
            except importlib.metadata.PackageNotFoundError:
                continue
    return pin.name, None


def _installed_memory() -> int:
    """Bytes that the machine has, or that a container may take."""
    import psutil

    from mnistdash.system import resources

    total = psutil.virtual_memory().total
    try:  # cgroup version 2; "max" where there is no limit
        return min(total, int((resources.CGROUP / "memory.max").read_text()))
    except (OSError, ValueError):
        return total
