"""Whether a process still lives, whatever machine, container or clock it has.

A lifeline is a file in `models/.alive/` that a process keeps locked. The operating system unlocks it when the process
ends, however it ends. Process numbers would not do: containers that share a folder have each their own, and the time
at which a process began moves when the clock is set.
"""

import contextlib
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

FOLDER = ".alive"  # inside the folder of models


class LivenessLock:
    """Held from its making until `release`, or the end of this process.

    Attributes:
        name: by which others may ask `is_held`.
    """

    def __init__(self, models: Path):
        """Take a lifeline.

        Raises:
            OSError: the folder of models cannot be written to.
        """
        (models / FOLDER).mkdir(parents=True, exist_ok=True)
        self.name = uuid.uuid4().hex
        self._path = models / FOLDER / self.name
        self._lock = FileLock(self._path, thread_local=False)
        self._lock.acquire(blocking=False)

    def release(self) -> None:
        """Let go, as the end of the process would."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._lock.release()


def is_alive(models: Path, name: str) -> bool:
    """Whether the process that holds a lifeline still lives. "" is held by none."""
    path = models / FOLDER / name
    # Names come from files: one that is not a plain name could lead anywhere.
    if not name.isalnum() or not path.is_file():
        return False
    try:
        with FileLock(path).acquire(blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that this process may only read: nobody trains into it from here
        return False


def remove_stale(models: Path) -> None:
    """Remove the lifelines of processes that have ended."""
    for path in (models / FOLDER).glob("*"):
        if path.name.isalnum() and not is_alive(models, path.name):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
