"""Measures a model's robustness in the background, once for all who wait for it."""

import threading

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation.robustness import Reader, RobustnessCurves, measure, stored
from mnistdash.runs.run import Run


class RobustnessTask:
    """A thread that measures the curves of a model for a split, while any number of pages watch.

    Attributes:
        progress: the share that is done, in [0, 1].
    """

    def __init__(self, run: Run, model: Reader, data: Dataset, split: str):
        self.progress = 0.0
        self._failure: Exception | None = None
        self._done = threading.Event()
        # What is kept is there at once; and so nothing but the thread holds the model.
        self._result = stored(run, data.name, split)
        if self._result is not None:
            self._done.set()
        else:
            threading.Thread(target=self._work, args=(run, model, data, split), daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait at most this long; tell whether it is done, well or not."""
        return self._done.wait(seconds)

    def result(self) -> RobustnessCurves:
        """The curves. Waits if need be, and raises what the thread met with."""
        self._done.wait()
        if self._failure is not None:
            raise self._failure
        return self._result

    def _work(self, run: Run, model: Reader, data: Dataset, split: str) -> None:
        try:
            self._result = measure(run, model, data.name, split, data.split(split), self._report)
        except Exception as error:  # carried over to whoever asks for the result
            self._failure = error
        finally:
            self._done.set()

    def _report(self, done: int, total: int) -> None:
        self.progress = done / total
