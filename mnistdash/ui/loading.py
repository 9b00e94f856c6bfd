"""Loads the data in the background, once for all who wait for it."""

import threading

from mnistdash.data import dataset, sample
from mnistdash.exceptions import DataError
from mnistdash.settings import Settings


class LoadingTask:
    """A thread that finds or downloads MNIST, while any number of pages watch.

    Attributes:
        received, total: bytes of the download so far; both 0 before one begins.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._begin()

    def wait(self, seconds: float) -> bool:
        """Wait at most this long; tell whether the data is there."""
        return self._done.wait(seconds)

    def result(self) -> tuple[dataset.Dataset, DataError | None]:
        """The data, and why it is only the offline sample (None for MNIST). Waits if need be."""
        self._done.wait()
        if self._failure is not None:
            raise self._failure
        return self._result

    def retry(self) -> None:
        """Look for MNIST once more, unless that is under way."""
        with self._lock:
            if self._done.is_set():
                self._begin()

    def _begin(self) -> None:
        self.received = self.total = 0
        self._failure: Exception | None = None
        self._done = threading.Event()
        threading.Thread(target=self._load, args=(self._done,), daemon=True).start()

    def _load(self, done: threading.Event) -> None:
        try:
            self._result = sample.load_mnist_or_sample(self._settings, self._report)
        except Exception as error:  # carried over to whoever asks for the result
            self._failure = error
        finally:
            done.set()

    def _report(self, received: int, total: int) -> None:
        self.received, self.total = received, total
