"""Arrays cached in a run's folder, valid for the model they were computed with."""

import hashlib
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mnistdash.runs.run import TFLITE, Run
from mnistdash.system.atomic import atomic_path

log = logging.getLogger(__name__)

FOLDER = "analysis"  # inside a run's folder
FORMAT = 2  # increase it when cached arrays change their meaning


def load(run: Run, name: str) -> dict[str, np.ndarray] | None:
    """Return the arrays saved under a name, or None if they are missing, damaged or from another model."""
    path = _path(run, name)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        return arrays if str(arrays.pop("key", "")) == _key(run) else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        log.warning("cache ignored", extra={"reason": type(error).__name__, "where": path.name})
        return None


def load_or_compute(run: Run, name: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays saved under a name, or compute and save them."""
    arrays = load(run, name)
    if arrays is None:
        arrays = compute()
        save(run, name, **arrays)
    return arrays


def save(run: Run, name: str, **arrays: Any) -> None:
    """Save arrays under a name. Log a warning if that fails: a full disk or read-only folder is no error."""
    path = _path(run, name)
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_path(path) as temporary:
            np.savez(temporary, key=np.array(_key(run)), **arrays)
    except OSError as error:
        log.warning("cache not written", extra={"reason": error.strerror or type(error).__name__, "where": path.name})


def _key(run: Run) -> str:
    return f"{FORMAT} {hashlib.sha256((run.folder / TFLITE).read_bytes()).hexdigest()}"


def _path(run: Run, name: str) -> Path:
    return run.folder / FOLDER / f"{name}.npz"
