"""A run's model as files to take away."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from mnistdash.runs import Run, RunError
from mnistdash.settings import PROJECT

TIMEOUT = 300  # seconds


def saved_model_zip(run: Run) -> bytes:
    """A run's model as a zipped TensorFlow SavedModel, made by a process of its own.

    Raises:
        RunError: it cannot be made.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / run.name
        command = [sys.executable, "-m", "mnistdash", "export", "--model", run.name, "--format", "savedmodel"]
        try:
            made = subprocess.run(
                [*command, str(folder)],
                cwd=PROJECT,
                env={**os.environ, "MNISTDASH_MODELS": str(run.folder.parent)},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RunError(f"Exporting {run.name} took longer than {TIMEOUT} s and was given up.") from error
        if made.returncode:
            raise RunError(f"{run.name} cannot be exported. {made.stderr.strip()}")
        archive = Path(scratch) / "model.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(scratch))
        return archive.read_bytes()
