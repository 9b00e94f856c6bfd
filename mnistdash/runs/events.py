"""What a run reports while it trains: JSON objects, one a line, only ever appended.

Every event has `event` and `elapsed` (seconds since the run's process began). The kinds:

    started    pid, time (seconds since 1970)
    preparing  nothing more: training images are being made from the digits, which takes long
    sample     why: MNIST could not be had, and the offline sample stands in
    fitting    steps, epochs, batch_size, examples, data, precision
    batch      step, epoch, loss, accuracy: means since the last such event; learning_rate, images_per_second
    epoch      epoch, step, loss, accuracy, val_loss, val_accuracy, learning_rate, images_per_second, best
    ended      status ("finished", "stopped" or "failed"), reason
"""

import errno
import json
import math
import os
import time
from functools import lru_cache
from pathlib import Path

FILE_NAME = "events.jsonl"
LONGEST = 16_384  # bytes; no event is longer


class EventWriter:
    """Appends events to a run's file; readers see each as soon as `write` returns.

    Args:
        folder: of the run.
        began: `time.monotonic()` of when the run's process began; by default now.
    """

    def __init__(self, folder: Path, began: float | None = None):
        self._path = folder / FILE_NAME
        self._began = time.monotonic() if began is None else began

    def write(self, event: str, **fields: object) -> dict:
        """Append one event and return it; numbers that are not finite become null.

        Raises:
            OSError: it cannot be written, or not all of it: the disk is full.
        """
        record = self.record(event, **fields)
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            if _ends_within_a_line(handle):  # a disk that was full then: what follows must not be lost with it
                line = b"\n" + line
            # One write of one line in append mode: a reader never sees two events mixed.
            if os.write(handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(handle)
        return record

    def record(self, event: str, **fields: object) -> dict:
        """What `write` would write."""
        fields = {key: _finite(value) for key, value in fields.items()}
        return {"event": event, "elapsed": round(time.monotonic() - self._began, 3), **fields}


def read_events(folder: Path, offset: int = 0) -> tuple[list[dict], int]:
    """Read the events from byte `offset` on.

    Returns:
        The events, and the offset to go on from. A last line that is not complete yet is left
        for the next call; a line that is not an event (a disk that ran full) is passed over.
    """
    try:
        with (folder / FILE_NAME).open("rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    return _parse(complete), offset + len(complete)


def ends(folder: Path) -> tuple[list[dict], dict | None]:
    """The first events, two at most, and the last one (None where there is none), without what is between."""
    path = folder / FILE_NAME
    try:
        now = path.stat()
    except OSError:
        return [], None
    return _ends(path, (now.st_ino, now.st_mtime_ns, now.st_size))


@lru_cache(maxsize=500)
def _ends(path: Path, state: tuple[int, int, int]) -> tuple[list[dict], dict | None]:
    """`ends` of a file as long as its state, which tells it from what it was before, is the same."""
    try:
        with path.open("rb") as file:
            first = _parse(file.readline(LONGEST) + file.readline(LONGEST))
            file.seek(max(0, os.fstat(file.fileno()).st_size - LONGEST))
            lines = file.read().splitlines()
    except OSError:
        return [], None
    # From the end: the lines before the last one need not be made sense of.
    return first, next((event for line in reversed(lines) for event in _parse(line)), None)


def has_batch(folder: Path) -> bool:
    """Whether a run has reported its first steps."""
    try:
        with (folder / FILE_NAME).open("rb") as file:
            return any(event["event"] == "batch" for event in _parse(file.read(LONGEST)))
    except OSError:
        return False


def _parse(data: bytes) -> list[dict]:
    events = []
    for line in data.splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):  # cut short, by where reading began or by a disk that ran full
            continue
        if isinstance(record, dict) and isinstance(record.get("event"), str):
            events.append(record)
    return events


def _ends_within_a_line(handle: int) -> bool:
    size = os.fstat(handle).st_size
    if not size:
        return False
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1) != b"\n"


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
