"""A run as files to take away, and back: what needs TensorFlow is done by a process of its own."""

import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

from mnistdash.runs.run import Run
from mnistdash.runs.store import RunError
from mnistdash.settings import PROJECT
from mnistdash.system.resources import available_memory

TIMEOUT = 300  # seconds
ROOM = 900_000_000  # bytes that must be free for such a process
_one_at_a_time = threading.Lock()


def saved_model_zip(run: Run) -> bytes:
    """A run's model as a zipped TensorFlow SavedModel.

    Raises:
        RunError: it cannot be made.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / run.name
        arguments = ["export", "--model", run.name, "--format", "savedmodel", str(folder)]
        _do(arguments, run.folder.parent, f"{run.name} cannot be exported.")
        archive = Path(scratch) / "model.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(scratch))
        return archive.read_bytes()


def export_again(run: Run) -> None:
    """Export a run of an earlier version again, so that its model has the output `features`.

    Raises:
        RunError: the model cannot be exported.
    """
    _do(["upgrade", "--model", run.name], run.folder.parent, f"{run.name} cannot be exported again.")


def restore(content: bytes, models: Path) -> str:
    """Bring back a run from a zip, and return its name.

    Args:
        content: of the zip, from anywhere.
        models: folder of models.

    Raises:
        RunError: it is not a run's, or cannot be restored.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "run.zip"
        path.write_bytes(content)
        return _do(["restore", str(path)], models, "The run cannot be restored.").partition(":")[0]


def _do(arguments: list[str], models: Path, failure: str) -> str:
    with _one_at_a_time:
        if available_memory() < ROOM:
            raise RunError(f"{failure} There is not enough memory now; try again when no run trains.")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "mnistdash", *arguments],
                cwd=PROJECT,
                env={**os.environ, "MNISTDASH_MODELS": str(models)},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RunError(f"{failure} It took longer than {TIMEOUT} s and was given up.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1].removeprefix("mnistdash: ")
        raise RunError(f"{failure} {last}".strip())
    return done.stdout
