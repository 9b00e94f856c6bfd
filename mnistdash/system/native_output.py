"""Native output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def native_output_to(path: str | Path) -> Iterator[TextIO]:
    """Send what TensorFlow's and LiteRT's native code prints on standard error to a file instead.

    Python's own standard error still reaches the terminal.
    """
    terminal = os.dup(2)
    python_stderr = sys.stderr
    with Path(path).open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        with os.fdopen(os.dup(terminal), "w", buffering=1) as sys.stderr:
            yield sys.stderr
    finally:
        sys.stderr = python_stderr
        os.dup2(terminal, 2)
        os.close(terminal)
