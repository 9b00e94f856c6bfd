"""The folder of models, which holds one folder for each run.

config.json   RunConfig          written first, when the run is requested
events.jsonl  see `events`       appended by the process that trains
log.txt       its output         if the dashboard started it
stop          empty              asks that process to stop
model.keras   for Keras          (n, 28, 28) float32 in [0, 1] -> (n, 10) probabilities
model.tflite  the same for LiteRT
card.json     Card               written last: a folder with a card holds a usable model
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from mnistdash.exceptions import NameTakenError, RunError
from mnistdash.runs.card import parse_card
from mnistdash.runs.config import RunConfig, check_name, parse_config
from mnistdash.runs.run import ACTIVE, CARD, CONFIG, TFLITE, Run, read_status
from mnistdash.system.atomic import atomic_write_json
from mnistdash.system.locks import ProcessLock

T = TypeVar("T")
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
        shutil.rmtree(folder, ignore_errors=True)  # a folder without settings is not a run
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
    config = _read(folder / CONFIG, parse_config)
    card, problem = None, ""
    if (folder / CARD).is_file():
        try:
            card = _read(folder / CARD, parse_card)
            if not (folder / TFLITE).is_file():
                card, problem = None, f"{folder.name}/{TFLITE} is missing: restore it, or train the run again."
        except RunError as error:
            problem = str(error)
    status, reason = ("failed", problem) if problem else read_status(folder, card)
    return Run(folder, config, status, reason, card)


def scan_runs(models: Path) -> tuple[list[Run], list[str]]:
    """Return all runs, newest first, and a sentence for each folder that cannot be read."""
    runs, problems = [], []
    for config in models.glob(f"*/{CONFIG}"):
        try:
            runs.append(load_run(config.parent))
        except RunError as error:
            problems.append(str(error))
    return sorted(runs, key=lambda run: (-run.config.created, run.name)), sorted(problems)


def list_runs(models: Path) -> list[Run]:
    """Return all readable runs, newest first."""
    return scan_runs(models)[0]


def count_runs(models: Path) -> int:
    """Return the number of runs, readable or not."""
    return sum(1 for _ in models.glob(f"*/{CONFIG}"))


def list_models(models: Path) -> list[Run]:
    """Return the runs that hold a usable model, the flagship first, then the newest."""
    usable = [run for run in list_runs(models) if run.card is not None]
    return sorted(usable, key=lambda run: run.name != SHIPPED)


def load_trained_run(name: str, models: Path) -> Run:
    """Return the run of this name, which has a model.

    Raises:
        RunError: there is no such run, or it has no model.
    """
    check_name(name)
    run = load_run(models / name)
    if run.card is None:
        raise RunError(f"The run {name} is {run.status} and has no model.")
    return run


def rename_run(run: Run, name: str) -> None:
    """Rename a run.

    Raises:
        RunError: it is active or shipped, the name is taken or invalid, or the folder cannot be written to.
    """
    if name == run.name:
        return
    _check_inactive(run)
    check_name(name)
    folder = run.folder.with_name(name)
    if folder.exists():
        raise NameTakenError(name)
    try:
        # The files first: if the folder then keeps its old name, it is still that run.
        for file in (CONFIG, CARD):
            if (run.folder / file).is_file():
                values: dict[str, Any] = json.loads((run.folder / file).read_text())
                atomic_write_json(run.folder / file, values | {"name": name})
        run.folder.rename(folder)
    except OSError as error:
        raise RunError(f"The run {run.name} cannot be renamed: {error.strerror or error}.") from error


def remove_run(run: Run) -> None:
    """Delete a run permanently.

    Raises:
        RunError: it is active or shipped, or the folder cannot be written to.
    """
    _check_inactive(run)
    try:
        delete_folder(run.folder)
    except OSError as error:
        raise RunError(f"The run {run.name} cannot be deleted: {error.strerror or error}.") from error


def delete_folder(folder: Path) -> None:
    """Remove a run's folder; other processes see it vanish as a whole."""
    aside = Path(tempfile.mkdtemp(prefix=".deleted-", dir=folder.parent))
    folder.replace(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


def _check_inactive(run: Run) -> None:
    if run.name == SHIPPED:
        raise RunError(f"{SHIPPED} comes with the dashboard and cannot be renamed or deleted.")
    if load_run(run.folder).status in ACTIVE:
        raise RunError(f"The run {run.name} is {run.status}; stop it first.")


def _read(path: Path, parse: Callable[[bytes, str], T]) -> T:
    try:
        stat = path.stat()
        # Every stroke on Draw lists all models, so a file is only parsed again when it has changed.
        value: T = _parse(path, parse, (stat.st_ino, stat.st_mtime_ns, stat.st_size))
    except OSError as error:
        raise RunError(f"{path.parent.name}/{path.name} cannot be read ({error.strerror or error}).") from error
    return value


@lru_cache(maxsize=1_000)
def _parse(path: Path, parse: Callable[[bytes, str], Any], state: tuple[int, int, int]) -> Any:
    return parse(path.read_bytes(), f"{path.parent.name}/{path.name}")
