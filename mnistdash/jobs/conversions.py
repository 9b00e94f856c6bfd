"""Conversions that need TensorFlow, run by the command line in a child process."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from mnistdash.exceptions import RunError
from mnistdash.runs.run import Run
from mnistdash.settings import PROJECT
from mnistdash.system.resources import available_memory

TIMEOUT = 300  # seconds
MEMORY_BYTES = 900_000_000  # that must be free to start a conversion
_one_at_a_time = threading.Lock()


def saved_model_zip(run: Run) -> bytes:
    """Return a run's model as a zipped TensorFlow SavedModel.

    Raises:
        RunError: the model cannot be exported.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / run.name
        arguments = ["export", "--model", run.name, "--format", "savedmodel", str(folder)]
        _run_command(arguments, run.folder.parent, f"{run.name} cannot be exported.")
        return Path(shutil.make_archive(str(folder), "zip", scratch, run.name)).read_bytes()


def export_again(run: Run) -> None:
    """Export a run of an earlier version again, so that its model has the output `features`.

    Raises:
        RunError: the model cannot be exported.
    """
    _run_command(["upgrade", "--model", run.name], run.folder.parent, f"{run.name} cannot be exported again.")


def restore(content: bytes, models: Path) -> str:
    """Restore a run from a zip, and return its name.

    Args:
        content: bytes of the zip; nothing about it is trusted.
        models: folder of models.

    Raises:
        RunError: the zip does not hold a run, or the run cannot be restored.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "run.zip"
        path.write_bytes(content)
        return _run_command(["restore", str(path)], models, "The run cannot be restored.").partition(":")[0]


def _run_command(arguments: list[str], models: Path, failure: str) -> str:
    """Run a command of `python -m mnistdash` and return its output."""
    with _one_at_a_time:
        if available_memory() < MEMORY_BYTES:
            raise RunError(f"{failure} Not enough memory is free. Try again when no run is training.")
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
            raise RunError(f"{failure} It took longer than {TIMEOUT} s.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1].removeprefix("mnistdash: ")
        raise RunError(f"{failure} {last}".strip())
    return done.stdout
