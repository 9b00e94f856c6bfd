"""Waiting for other threads and processes."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 90) -> None:
    """Wait until a condition holds; the limit only prevents a failing test from hanging."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.02)
