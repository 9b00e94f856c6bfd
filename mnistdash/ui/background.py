"""Functions that run in threads while any number of sessions watch their progress."""

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from typing import Generic, TypeVar

T = TypeVar("T")

EXIT_SECONDS = 2.0  # time that running functions get to stop when the server exits

_exiting = threading.Event()
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class BackgroundTask(Generic[T]):
    """A function that runs in a thread of its own.

    Attributes:
        progress: finished share in [0, 1].
    """

    def __init__(self, function: Callable[[Callable[[float], None]], T]):
        """Start the function.

        Args:
            function: receives a callable that takes its progress, and raises CancelledError when the server exits.
        """
        self._function = function
        self._lock = threading.Lock()
        self._start()

    def restart(self) -> None:
        """Run the function again, unless it is still running."""
        with self._lock:
            if self._future.done():
                self._start()

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds`; return True if the function has finished."""
        return bool(wait([self._future], seconds).done)

    def result(self) -> T:
        """Wait for the function, then return its result or raise its exception."""
        return self._future.result()

    def _start(self) -> None:
        self.progress = 0.0
        self._future: Future[T] = Future()
        thread = threading.Thread(target=self._run, args=(self._future,), daemon=True)
        _threads.add(thread)
        thread.start()

    def _run(self, future: Future[T]) -> None:
        try:
            future.set_result(self._function(self._report))
        except Exception as error:
            future.set_exception(error)

    def _report(self, share: float) -> None:
        if _exiting.is_set():
            raise CancelledError
        self.progress = share


@atexit.register
def stop_all() -> None:
    """Cancel running functions and wait for their threads, for at most EXIT_SECONDS.

    A thread that multiplies matrices while OpenBLAS unloads can keep the process from exiting.
    """
    _exiting.set()
    deadline = time.monotonic() + EXIT_SECONDS
    for thread in list(_threads):
        thread.join(max(0.0, deadline - time.monotonic()))
