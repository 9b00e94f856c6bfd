"""Redirection of output that native code writes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def native_output_to(path: str | Path) -> Iterator[None]:
    """Redirect the standard error of native code such as TensorFlow to a file; Python's still reaches the terminal."""
    terminal = os.dup(2)
    python_stderr = sys.stderr
    with Path(path).open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        with os.fdopen(os.dup(terminal), "w", buffering=1) as sys.stderr:
            yield
    finally:
        sys.stderr = python_stderr
        os.dup2(terminal, 2)
        os.close(terminal)
