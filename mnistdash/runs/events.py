"""The events of a run: JSON objects, one a line, appended by the process that trains.

Every event has `event` and `elapsed` (seconds since the run's process started). The kinds:

    started    pid, time (seconds since 1970)
    preparing  training images are being synthesized, which takes minutes
    sample     why: the reason that the offline sample replaces MNIST
    fitting    steps, epochs, batch_size, examples, data, precision
    batch      step, epoch, loss, accuracy: means since the previous batch event; learning_rate, images_per_second
    epoch      epoch, step, loss, accuracy, val_loss, val_accuracy, learning_rate, images_per_second, best
    ended      status ("finished", "stopped" or "failed"), reason
"""

import errno
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

FILE_NAME = "events.jsonl"
MAX_EVENT_BYTES = 16_384
CHUNK_BYTES = 4_000_000  # that one call of `read_events` reads

Event = dict[str, Any]


class EventWriter:
    """Append events to a run's file; readers see each as soon as `write` returns.

    Args:
        folder: of the run.
        began: `time.monotonic()` at which the run's process started; by default now.
    """

    def __init__(self, folder: Path, began: float | None = None):
        self._path = folder / FILE_NAME
        self._began = time.monotonic() if began is None else began

    def write(self, event: str, **fields: object) -> Event:
        """Append one event and return it; in the file, numbers that are not finite become null.

        Raises:
            OSError: the event cannot be written in full, for example because the disk is full.
        """
        record = {"event": event, "elapsed": round(time.monotonic() - self._began, 3), **fields}
        line = to_json(record, inf_nan_mode="null") + b"\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # One write in append mode: events of two writers never mix.
            written = os.write(handle, line)
            if written < len(line):
                os.ftruncate(handle, os.fstat(handle).st_size - written)  # or it would damage the next event
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(handle)
        return record


def read_events(folder: Path, offset: int = 0, max_bytes: int = -1) -> tuple[list[Event], int]:
    """Read the events from byte `offset` on.

    Args:
        folder: of the run.
        offset: where to start.
        max_bytes: how much to read; -1 for all.

    Returns:
        The events, and the offset to continue from. An incomplete last line is left for the next call; lines that
        are not events are skipped.
    """
    try:
        with (folder / FILE_NAME).open("rb") as file:
            file.seek(offset)
            data = file.read(max_bytes)
    except OSError:
        return [], offset
    end = data.rfind(b"\n") + 1
    if not end and len(data) == max_bytes:  # no event is that long
        end = len(data)
    return _parse(data[:end]), offset + end


def last_event(folder: Path) -> Event | None:
    """Return the last event, or None if there is none, without reading the others."""
    path = folder / FILE_NAME
    try:
        stat = path.stat()
        return _last_event(path, (stat.st_ino, stat.st_mtime_ns, stat.st_size))
    except OSError:
        return None


@lru_cache(maxsize=500)
def _last_event(path: Path, state: tuple[int, int, int]) -> Event | None:
    """Return the last event of a file; `state` tells versions of the file apart."""
    with path.open("rb") as file:
        file.seek(max(0, state[2] - MAX_EVENT_BYTES))
        events = _parse(file.read())
    return events[-1] if events else None


def _parse(data: bytes) -> list[Event]:
    events = []
    for line in data.splitlines():
        try:
            record = from_json(line, allow_inf_nan=False)
        except ValueError:  # cut short by a full disk, or damaged
            continue
        if isinstance(record, dict) and isinstance(record.get("event"), str):
            events.append(record)
    return events
