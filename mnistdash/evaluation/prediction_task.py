"""Analyses a model's splits in the background, once for all who wait for them."""

import threading
from collections import deque
from dataclasses import dataclass, field

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation.predictions import PCA, Analysis, analyze, fit_pca
from mnistdash.inference.model import Model
from mnistdash.runs.run import Run


@dataclass
class _Task:
    progress: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)
    made: Analysis | None = None
    failure: Exception | None = None


class PredictionTask:
    """Reads a model's splits one after the other in a thread, while any number of pages watch."""

    def __init__(self, run: Run, model: Model, data: Dataset):
        self._run, self._model, self._data = run, model, data
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}
        self._waiting: deque[str] = deque()
        self._is_working = False
        self._axes: PCA | None = None

    def want(self, split: str) -> None:
        """Have a split analysed, after those that were wanted before; once is enough."""
        with self._lock:
            if split in self._tasks:
                return
            self._tasks[split] = _Task()
            self._waiting.append(split)
            if not self._is_working:
                self._is_working = True
                threading.Thread(target=self._work, daemon=True).start()

    def wait(self, split: str, seconds: float) -> bool:
        """Wait at most this long; tell whether the analysis of a split that is wanted is there."""
        return self._tasks[split].done.wait(seconds)

    def progress(self, split: str) -> float:
        """The share of a split that is wanted that is done, in [0, 1]."""
        return self._tasks[split].progress

    def result(self, split: str) -> Analysis:
        """The analysis of a split that is wanted. Waits if need be."""
        task = self._tasks[split]
        task.done.wait()
        if task.failure is not None:
            raise task.failure
        return task.made

    @property
    def axes(self) -> PCA | None:
        """Of the model's features; there once a split is analysed."""
        return self._axes

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_working = False
                    return
                name = self._waiting.popleft()
            task = self._tasks[name]
            try:
                task.made = self._analyse(name, task)
            except Exception as error:  # carried over to whoever asks for the result
                task.failure = error
            finally:
                task.done.set()

    def _analyse(self, name: str, task: _Task) -> Analysis:
        data = self._data
        if self._axes is None:
            # Those of digits that the network was not fitted to.
            self._axes = fit_pca(self._run, self._model, data.name, "validation", data.validation)

        def report(share: float) -> None:
            task.progress = share

        return analyze(self._run, self._model, self._axes, data.name, name, data.split(name), report)
