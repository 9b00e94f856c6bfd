"""Whether this installation can serve and train: a finding for each thing that has to be right.

A broken installation is what this is for. So everything that may be missing is imported where it is looked at, and a
check that fails in a way nobody thought of becomes a finding, too. TensorFlow is never imported: that takes seconds.

`python -m mnistdash.doctor` works even where a package is missing that the other commands need.
"""

import errno
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from mnistdash.runs import Run
    from mnistdash.settings import Settings

OK, WARNING, PROBLEM = "ok", "warning", "problem"
PROJECT = Path(__file__).resolve().parent.parent
PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest that the pinned packages exist for
STAND_INS = {"tensorflow-cpu": "tensorflow"}  # the larger build does the same
SERVER = 500_000_000  # bytes of a server: 450 MB after all sections of Errors, MNIST included
TRAINING = 750_000_000  # bytes of the largest run beside it, TensorFlow included
LOW_MODELS = 1_000_000_000  # bytes; the largest run takes 40 MB: two models of 13 MB, its answers 12 MB
LOW_CACHE = 100_000_000  # bytes; MNIST takes 12 MB
SUM = 1e-3  # by how much ten float32 probabilities may miss 1
REINSTALL = "Run: pip install -r requirements.txt"
ROOM = "Make room: delete runs or other files."
RESTORE = "Restore its folder from a copy, or delete it."
SHIPPED = "Copy models/flagship of the repository there."


@dataclass(frozen=True)
class Finding:
    """What one look at the installation found.

    Attributes:
        level: "ok", "warning" (it works, but not as well as it could) or "problem" (something does not work).
        what: one sentence.
        advice: what to do about it; "" where nothing needs to be done.
    """

    level: str
    what: str
    advice: str = ""


def examine(settings: "Settings") -> list[Finding]:
    """Look at everything; takes a second or two, and some milliseconds for each model.

    Nothing is downloaded or repaired; what is written to see whether that works is removed again.
    """
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "Python": _python,
        "The packages": _packages,
        "The processor": _processor,
        "The memory": partial(_memory, settings),
        "MNIST": partial(_mnist, settings),
        "The folder of models": partial(_models, settings),
        "Writing into the folder of models": partial(_writing, settings.models, LOW_MODELS, settings.readonly),
        "Locks in the folder of models": partial(_locks, settings),
        "Writing into the cache": partial(_writing, settings.cache, LOW_CACHE, False),
    }
    return [finding for subject, check in checks.items() for finding in _guarded(subject, check)]


def lines(findings: list[Finding]) -> list[str]:
    """A line for each finding."""
    return [f"{found.level:<{len(PROBLEM)}}  {' '.join(f'{found.what} {found.advice}'.split())}" for found in findings]


def status(findings: list[Finding]) -> int:
    """The exit status: 1 where there is a problem, else 0."""
    return int(any(found.level == PROBLEM for found in findings))


def main() -> int:
    """Examine what the environment describes, print what is found, return the exit status."""
    try:
        from mnistdash.settings import Settings

        findings = examine(Settings.from_environment())
    except Exception as error:  # a package that is missing, a variable that makes no sense
        findings = [*_guarded("Python", _python), *_guarded("The packages", _packages)]
        findings.append(Finding(PROBLEM, f"The settings cannot be read: {_words(error)}"))
    print(*lines(findings), sep="\n")
    return status(findings)


def _guarded(subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a check, and one more where it breaks off."""
    try:
        yield from check()
    except ImportError as error:
        yield Finding(PROBLEM, f"{subject} cannot be checked: {_words(error)}", REINSTALL)
    except Exception as error:
        yield Finding(PROBLEM, f"{subject} cannot be checked: {_words(error)}")


def _python() -> Iterator[Finding]:
    name = f"Python {platform.python_version()}"
    (_, oldest), (_, newest) = PYTHONS
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        yield Finding(OK, f"{name} on {platform.system()} {platform.machine()}.")
    else:
        yield Finding(PROBLEM, f"{name} is not supported.", f"Use Python 3.{oldest} to 3.{newest}.")


def _packages() -> Iterator[Finding]:
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


def _processor() -> Iterator[Finding]:
    from mnistdash import processes

    cores = processes.usable_cores(processes.CGROUP)
    if cores > 1:
        yield Finding(OK, f"{cores} processor cores can be used.")
    else:
        yield Finding(WARNING, "One processor core can be used: while a run trains, pages wait.", "Give it two.")


def _memory(settings: "Settings") -> Iterator[Finding]:
    from mnistdash import processes

    installed, available = _installed_memory(), processes.available_memory(processes.CGROUP)
    trainings = 0 if settings.readonly else settings.concurrent_runs
    needed = SERVER + trainings * TRAINING
    needs = f"a server takes {_size(SERVER)}" + (f", each run {_size(TRAINING)} more" if trainings else "")
    has = f"{_size(available)} of {_size(installed)} of memory are free"
    without = "" if settings.readonly else ", or set MNISTDASH_READONLY=1 to do without training"
    if installed < SERVER:
        yield Finding(PROBLEM, f"There are {_size(installed)} of memory; {needs}.", "Give it more.")
    elif installed < needed:
        yield Finding(WARNING, f"There are {_size(installed)} of memory; {needs}.", f"Give it more{without}.")
    elif available < needed:
        yield Finding(WARNING, f"{has}; {needs}.", "End other programs, unless the dashboard is among what runs.")
    else:
        yield Finding(OK, f"{has}.")


def _installed_memory() -> int:
    """Bytes that the machine has, or that a container may take."""
    import psutil

    from mnistdash import processes

    total = psutil.virtual_memory().total
    try:  # cgroup version 2; "max" where there is no limit
        return min(total, int((processes.CGROUP / "memory.max").read_text()))
    except (OSError, ValueError):
        return total


def _mnist(settings: "Settings") -> Iterator[Finding]:
    from mnistdash import datasets

    if settings.data is not None:
        if datasets.is_complete(settings.data):
            yield from _verified(settings, settings.data, PROBLEM, "Bring that file again, or unset MNISTDASH_DATA.")
            return
        what = f"MNISTDASH_DATA names {settings.data}, which lacks some of MNIST's four files."
        yield Finding(WARNING, what, "Name the folder that holds them, or unset it.")
    if datasets.is_complete(settings.cache):
        again = "Run: python -m mnistdash data (which downloads that file again)"
        yield from _verified(settings, settings.cache, WARNING, again)
        return
    yield Finding(
        WARNING,
        "MNIST is not at hand: it is downloaded at the first visit; until then, and where it cannot be had, pages and "
        "runs use the offline sample.",
        "Run: python -m mnistdash data. Without a network, set MNISTDASH_DATA to a folder with the four files.",
    )


def _verified(settings: "Settings", folder: Path, level: str, advice: str) -> Iterator[Finding]:
    """Whether a folder with four files of MNIST's names holds MNIST."""
    from mnistdash import datasets

    try:
        # Named as the user's, the folder is read only; a damaged file in the cache would be fetched again.
        datasets.load(replace(settings, data=folder))
    except datasets.DataError as error:
        yield Finding(level, str(error), advice)
    else:
        yield Finding(OK, f"MNIST is in {folder}; all four files have the right SHA-256.")


def _models(settings: "Settings") -> Iterator[Finding]:
    from mnistdash import runs

    folders = list(_run_folders(settings.models))
    looked = {folder.name: _look(folder) for folder in folders}
    faults = [finding for _, findings in looked.values() for finding in findings]
    models = [name for name, (is_model, findings) in looked.items() if is_model and not findings]
    if not faults:
        many = "1 model loads and answers" if len(models) == 1 else f"{len(models)} models load and answer"
        rest = f"{len(folders)} {'run' if len(folders) == 1 else 'runs'} in {settings.models} can be read"
        yield Finding(OK, f"{many}; {rest}.")
    yield from faults
    if not looked.get(runs.SHIPPED, (False, []))[0]:
        what = f"The model {runs.SHIPPED}, which comes with the dashboard, is not in {settings.models}."
        yield Finding(PROBLEM, what, SHIPPED)
    if len(folders) >= settings.kept_runs and not settings.readonly:
        what = f"There are {len(folders)} runs, and MNISTDASH_RUNS allows {settings.kept_runs}: none can be started."
        yield Finding(WARNING, what, "Delete some on the Train page, or raise it.")
    fixed = [folder.name for folder in folders if not os.access(folder, os.W_OK)]
    if fixed and not settings.readonly:
        names = ", ".join(fixed[:3]) + (" and others" if len(fixed) > 3 else "")
        what = f"The dashboard may not write into these runs, and keeps nothing with them: {names}."
        yield Finding(WARNING, what, "Give their folders to the user that runs it.")


def _look(folder: Path) -> tuple[bool, list[Finding]]:
    """Whether a run's folder should hold a model, and what is wrong with it: one finding, or none."""
    from mnistdash import runs

    # A model that cannot be used is missed; a run that came to nothing is not.
    is_model, level = True, PROBLEM
    advice = SHIPPED if folder.name == runs.SHIPPED else RESTORE
    try:
        is_model = (folder / runs.CARD).exists()
        level = PROBLEM if is_model else WARNING
        if not (folder / runs.CONFIG).is_file():
            return is_model, [Finding(level, f"{folder.name}/{runs.CONFIG} is missing.", advice)]
        run = runs.load(folder)
        if run.card is not None:
            runs.check_model(run)
            _check_answer(run)
        elif is_model:
            return True, [Finding(PROBLEM, f"The model {folder.name} cannot be used: {run.reason}", advice)]
        return is_model, []
    except runs.RunError as error:
        return is_model, [Finding(level, str(error), advice)]
    except Exception as error:  # pages would break off, too
        return is_model, [Finding(PROBLEM, f"{folder} cannot be read: {_words(error)}", advice)]


def _run_folders(models: Path) -> Iterator[Path]:
    """The folders of runs, in the order of their names."""
    from mnistdash import events, runs
    from mnistdash.configs import RunError, check_name

    for folder in sorted(models.iterdir()) if models.is_dir() else ():
        try:
            check_name(folder.name)
            files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        except RunError:  # half-written, deleted, or none of ours: a volume's lost+found
            continue
        except OSError:  # `_look` says why
            files = {runs.CONFIG}
        if files & {runs.CONFIG, runs.CARD, runs.TFLITE, runs.KERAS, events.FILE_NAME}:
            yield folder


def _check_answer(run: "Run") -> None:
    """Raise RunError unless a run's model loads, and answers an image with probabilities."""
    import numpy as np

    from mnistdash import inference, runs
    from mnistdash.terminal import native_output_to

    path = run.folder / runs.TFLITE
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 5:23, 13:15] = 1  # a one
    with native_output_to(os.devnull):
        model = inference.Model(path, run.name)
        try:
            probabilities = model(image)
        except (ValueError, RuntimeError) as error:  # some damage shows only now
            raise runs.RunError(f"{path}: the model is damaged and gives no answer.") from error
    if probabilities.shape != (1, 10) or not abs(float(probabilities.sum()) - 1) < SUM:  # NaN is not below anything
        raise runs.RunError(f"{path}: the model's answers are no probabilities.")


def _writing(folder: Path, low: int, readonly: bool) -> Iterator[Finding]:
    """Whether a folder, or the one it would be made in, can be written to, and has room."""
    from mnistdash.files import replacing

    there = next(path for path in (folder, *folder.parents) if path.exists())
    name = str(folder) if there == folder else f"{folder}, which is not there yet,"
    try:
        with replacing(there / f".doctor-{os.getpid()}") as temporary:  # as the files of a run are written
            temporary.write_bytes(bytes(4096))
        (there / f".doctor-{os.getpid()}").unlink()
    except OSError as error:
        why = error.strerror or str(error)
        if readonly:
            yield Finding(OK, f"{name} cannot be written to ({why}), and with MNISTDASH_READONLY=1 need not.")
            return
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = ROOM if full else "Give it to the user that runs the dashboard, or name another folder."
        yield Finding(PROBLEM, f"{name} cannot be written to: {why}.", advice)
        return
    free = shutil.disk_usage(there).free
    if free < low:
        yield Finding(WARNING, f"{name} has {_size(free)} left on its disk.", ROOM)
    else:
        yield Finding(OK, f"{name} can be written to; {_size(free)} are free.")


def _locks(settings: "Settings") -> Iterator[Finding]:
    """Whether a process can tell from a lock that another lives; on some network disks it cannot."""
    from mnistdash.lifelines import Lifeline, is_held

    if settings.readonly or not os.access(settings.models, os.W_OK):  # nothing trains, or `_writing` has said so
        return
    lifeline = Lifeline(settings.models)
    try:
        held = is_held(settings.models, lifeline.name)
    finally:
        lifeline.release()
    if not held:
        what = f"Locks do not work in {settings.models}: a run would count as failed while it trains."
        yield Finding(PROBLEM, what, "Put the folder on a disk of this machine, or on a network disk with locks.")


def _size(count: int) -> str:
    """Bytes in words: "1.6 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _words(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text if text.endswith(".") else f"{text}."


if __name__ == "__main__":
    sys.exit(main())
