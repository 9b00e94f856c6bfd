"""File locks that tell which process does something.

The operating system releases a lock when its process ends, however it ends. Process numbers would not do: containers
that share a folder number their processes separately. Lock files are never deleted, because two processes could then
hold the same lock.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class ProcessLock:
    """A lock that one process holds until it releases it or ends.

    Args:
        path: of the lock file, which is created when the lock is first acquired.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = FileLock(path, thread_local=False)
        self._renewed = 0  # the last renewal seen, in ns on the holder's clock
        self._seen = time.monotonic()  # when it was first seen

    @property
    def is_held(self) -> bool:
        """Return True if this object holds the lock."""
        return self._lock.is_locked

    def acquire(self, timeout: float = 0) -> bool:
        """Acquire the lock unless this object holds it already.

        Args:
            timeout: seconds to wait for another holder.

        Returns:
            False if someone else holds the lock, or the folder of the lock file is missing.

        Raises:
            OSError: the folder cannot be written to.
        """
        if not self._path.parent.is_dir():  # FileLock would create it
            return False
        try:
            if not self.is_held:
                self._lock.acquire(timeout)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Release the lock if this object holds it."""
        self._lock.release()

    def renew(self) -> None:
        """Show other processes that the holder responds: a frozen process keeps its locks."""
        os.utime(self._path)

    def seconds_since_renewal(self) -> float:
        """Return for how long this process has seen no renewal; clocks of two machines are never compared."""
        try:
            renewed = self._path.stat().st_mtime_ns
        except OSError:
            renewed = 0
        if renewed != self._renewed:
            self._renewed, self._seen = renewed, time.monotonic()
        return time.monotonic() - self._seen


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Acquire a lock for the block if it is free; yield False if someone else holds it."""
    lock = ProcessLock(path)
    acquired = lock.acquire()
    try:
        yield acquired
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Return True if someone holds a lock, False also where this process may not write."""
    if not path.is_file():
        return False
    try:
        with try_lock(path) as acquired:
            return not acquired
    except OSError:
        return False
