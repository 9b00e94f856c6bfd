"""Check Python, packages, MNIST, models and disk.

Each check imports the packages it needs, so the others still run where one is missing. None imports TensorFlow, which
takes seconds.
"""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnistdash.settings import Settings

OK, WARNING, PROBLEM = "ok", "warning", "problem"
PROJECT = Path(__file__).resolve().parent.parent.parent
PYTHON_VERSIONS = ((3, 11), (3, 13))  # the oldest and newest with all pinned packages
MIN_FREE_BYTES = 500_000_000  # the largest run takes 40 MB, MNIST 12 MB
REINSTALL = "Run: pip install -r requirements.txt"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        level: OK, WARNING (it works, with limits) or PROBLEM (something does not work).
        message: what was found, and what to do about it.
    """

    level: str
    message: str

    def __str__(self) -> str:
        return f"{self.level:<{len(PROBLEM)}}  {' '.join(self.message.split())}"


def run_checks(settings: "Settings | None") -> list[Finding]:
    """Run all checks, or without settings those that need none; download and repair nothing."""
    checks: list[Callable[[], Iterator[Finding]]] = [check_python, check_packages]
    if settings is not None:
        checks += [partial(check, settings) for check in (check_mnist, check_models, check_disk)]
    findings: list[Finding] = []
    for check in checks:
        try:
            findings.extend(check())
        except Exception as error:
            advice = REINSTALL if isinstance(error, ImportError) else ""
            findings.append(Finding(PROBLEM, f"{type(error).__name__}: {error}. {advice}"))
    return findings


def check_python() -> Iterator[Finding]:
    """Check the version of Python."""
    oldest, newest = (".".join(map(str, version)) for version in PYTHON_VERSIONS)
    if PYTHON_VERSIONS[0] <= sys.version_info[:2] <= PYTHON_VERSIONS[1]:
        yield Finding(OK, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}.")
    else:
        yield Finding(PROBLEM, f"Python {platform.python_version()} is not supported. Use {oldest} to {newest}.")


def check_packages() -> Iterator[Finding]:
    """Compare the installed packages with requirements.txt."""
    from packaging.requirements import Requirement

    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    for pin in (Requirement(line.partition(" #")[0]) for line in lines if line and not line.startswith("#")):
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(pin.name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(PROBLEM, f"The package {pin.name} is missing. {REINSTALL}")
        else:
            if not pin.specifier.contains(version, prereleases=True):
                yield Finding(WARNING, f"{pin.name} {version} is installed, {pin.specifier} was tested. {REINSTALL}")
    yield Finding(OK, "Compared the packages with requirements.txt.")


def check_mnist(settings: "Settings") -> Iterator[Finding]:
    """Check that MNIST is on this machine, and verify its files."""
    from mnistdash.data.mnist import find_files, load_mnist
    from mnistdash.exceptions import DataError

    folders = [folder for folder in (settings.data, settings.cache) if folder is not None and find_files(folder)]
    if settings.data is not None and settings.data not in folders:
        yield Finding(WARNING, f"MNISTDASH_DATA ({settings.data}) lacks some of the four MNIST files.")
    if not folders:
        yield Finding(WARNING, "MNIST is not available; the first visit downloads it. Run: python -m mnistdash data")
        return
    try:
        load_mnist(replace(settings, data=folders[0]))  # which leaves damaged files as they are
    except DataError as error:
        yield Finding(PROBLEM, f"{error} Delete that file, and run: python -m mnistdash data")
    else:
        yield Finding(OK, f"MNIST is in {folders[0]}.")


def check_models(settings: "Settings") -> Iterator[Finding]:
    """Check that all runs load, and that all models predict."""
    import numpy as np

    from mnistdash.exceptions import RunError
    from mnistdash.inference.model import load_model
    from mnistdash.runs import store
    from mnistdash.runs.run import CARD
    from mnistdash.system.native_output import native_output_to

    runs, errors = store.scan_runs(settings.models)
    errors += [f"{run.name}: {run.reason}" for run in runs if run.card is None and (run.folder / CARD).exists()]
    models = [run.name for run in runs if run.card is not None]
    for name in models:
        try:
            with native_output_to(os.devnull):
                load_model(name, settings.models)(np.zeros((1, 28, 28), np.float32))
        except (RunError, RuntimeError, ValueError) as error:
            errors.append(f"{name}: {error}")
    if store.SHIPPED not in models:
        errors.append(f"The model {store.SHIPPED} is missing. Copy models/{store.SHIPPED} from the repository.")
    yield from (Finding(PROBLEM, error) for error in errors)
    yield Finding(OK, f"Checked {len(runs)} runs and {len(models)} models in {settings.models}.")


def check_disk(settings: "Settings") -> Iterator[Finding]:
    """Check that runs and downloads can be stored."""
    for folder in (settings.cache,) if settings.readonly else (settings.models, settings.cache):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=existing) as file:
                file.write(bytes(4096))
        except OSError as error:
            yield Finding(PROBLEM, f"{folder} is not writable ({error.strerror}). Change its owner or make room.")
            continue
        free = shutil.disk_usage(existing).free
        level, advice = (OK, "") if free >= MIN_FREE_BYTES else (WARNING, " Make room.")
        yield Finding(level, f"{folder} is writable; {free / 1e9:.1f} GB are free.{advice}")
