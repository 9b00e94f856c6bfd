"""One folder for each run: settings, events, log, and, once it has ended well, the model.

config.json   RunConfig          written first, by whoever asks for the run
events.jsonl  see `events`       appended by the process that trains
log.txt       its output         where the dashboard started it
stop          nothing            asks its process to stop, for those who did not start it
model.keras   for Keras          (n, 28, 28) float32 in [0, 1] -> (n, 10) probabilities
model.tflite  the same for LiteRT
card.json     Card               written last: a folder with a card holds a usable model
"""

import json
import shutil
import tempfile
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from mnistdash.exceptions import NameTakenError, RunError
from mnistdash.runs.card import Card, T, parse_record
from mnistdash.runs.config import RunConfig, check_name
from mnistdash.runs.run import ACTIVE, CARD, CONFIG, TFLITE, Run, read_status
from mnistdash.system.atomic import atomic_write_json
from mnistdash.system.locks import ProcessLock

SHIPPED = "flagship"  # the model that comes with the dashboard: never renamed or deleted from it


def create_run(config: RunConfig, models: Path, lock: ProcessLock | None = None) -> Path:
    """Create a run's folder with its config.json, and return it.

    Args:
        config: settings of the run.
        models: folder of models.
        lock: of this run, to acquire before a dashboard can see the run and start it.

    Raises:
        NameTakenError: there is one of that name already.
        RunError: the folder cannot be written to.
    """
    folder = models / config.name
    try:
        models.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        if lock is not None:
            lock.acquire()
        atomic_write_json(folder / CONFIG, asdict(config))
    except FileExistsError as error:
        raise NameTakenError(config.name) from error
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)  # without its settings it would be none
        raise RunError(f"The run cannot be stored in {models}: {error.strerror or error}.") from error
    return folder


def load_run(folder: Path) -> Run:
    """Read a run's folder.

    Raises:
        RunError: there is no such run, or its config.json cannot be read.
    """
    if not (folder / CONFIG).is_file():
        known = ", ".join(run.name for run in list_models(folder.parent)) or "none"
        raise RunError(f"There is no model named {folder.name} (models: {known}).")
    config = _read(folder / CONFIG, RunConfig)
    card, trouble = None, ""
    if (folder / CARD).is_file():
        try:
            card = _read(folder / CARD, Card)
            if not (folder / TFLITE).is_file():
                card, trouble = None, f"{folder.name}/{TFLITE} is missing: bring it back, or train the run again."
        except RunError as error:
            trouble = str(error)
    status, reason = ("failed", trouble) if trouble else read_status(folder, card)
    return Run(folder, config, status, reason, card)


def scan_runs(models: Path) -> tuple[list[Run], list[str]]:
    """All runs, newest first; and a sentence for each folder that cannot be read."""
    found, objections = [], []
    for config in models.glob(f"*/{CONFIG}"):
        try:
            found.append(load_run(config.parent))
        except RunError as error:
            objections.append(str(error))
    return sorted(found, key=lambda run: (-run.config.created, run.name)), sorted(objections)


def list_runs(models: Path) -> list[Run]:
    """All runs, newest first; a folder that cannot be read is passed over."""
    return scan_runs(models)[0]


def count_runs(models: Path) -> int:
    """How many runs there are, readable or not."""
    return sum(1 for _ in models.glob(f"*/{CONFIG}"))


def list_models(models: Path) -> list[Run]:
    """The runs that hold a usable model, the flagship first, then the newest."""
    usable = [run for run in list_runs(models) if run.card is not None]
    return sorted(usable, key=lambda run: run.name != SHIPPED)


def load_trained_run(name: str, models: Path) -> Run:
    """The run of this name, with its model.

    Raises:
        RunError: there is no such run, or it holds no model.
    """
    check_name(name)
    run = load_run(models / name)
    if run.card is None:
        raise RunError(f"The run {name} is {run.status} and has no model.")
    return run


def rename_run(run: Run, name: str) -> None:
    """Give a run another name.

    Raises:
        RunError: it is active or shipped, the name is taken or not a name, or the folder cannot be written to.
    """
    if name == run.name:
        return
    _check_free(run)
    check_name(name)
    folder = run.folder.with_name(name)
    if folder.exists():
        raise RunError(f"There is a run named {name} already; choose another name.")
    try:
        # What the files say comes first: a folder with its old name still is that run.
        for file in (CONFIG, CARD):
            if (run.folder / file).is_file():
                atomic_write_json(run.folder / file, json.loads((run.folder / file).read_text()) | {"name": name})
        run.folder.rename(folder)
    except OSError as error:
        raise RunError(f"The run {run.name} cannot be renamed: {error.strerror or error}.") from error


def remove_run(run: Run) -> None:
    """Delete a run for good.

    Raises:
        RunError: it is active or shipped, or the folder cannot be written to.
    """
    _check_free(run)
    try:
        delete_folder(run.folder)
    except OSError as error:
        raise RunError(f"The run {run.name} cannot be deleted: {error.strerror or error}.") from error


def _check_free(run: Run) -> None:
    if run.name == SHIPPED:
        raise RunError(f"{SHIPPED} comes with the dashboard and stays as it is.")
    if load_run(run.folder).status in ACTIVE:
        raise RunError(f"The run {run.name} is {run.status}; stop it first.")


def delete_folder(folder: Path) -> None:
    """Remove a run's folder; seen from outside, all of it at once."""
    aside = Path(tempfile.mkdtemp(prefix=".deleted-", dir=folder.parent))
    folder.replace(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


def _read(path: Path, kind: type[T]) -> T:
    what = f"{path.parent.name}/{path.name}"
    try:
        now = path.stat()
        # Every stroke on Draw asks for all models: a file is read again when it is another one.
        return _parsed(path, kind, what, (now.st_ino, now.st_mtime_ns, now.st_size))
    except OSError as error:
        raise RunError(f"{what} cannot be read ({error.strerror or error}).") from error


@lru_cache(maxsize=1_000)
def _parsed(path: Path, kind: type[T], what: str, state: tuple[int, int, int]) -> T:
    return parse_record(path.read_bytes(), kind, what)
