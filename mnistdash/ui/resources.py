"""What all sessions of this server share: settings, queue, data, models and their evaluation."""

import atexit
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from mnistdash.data import sample
from mnistdash.data.dataset import Dataset
from mnistdash.evaluation import predictions, projection, robustness
from mnistdash.evaluation.predictions import SplitPredictions
from mnistdash.evaluation.robustness import Curves
from mnistdash.exceptions import DataError
from mnistdash.inference.model import Model, load_model
from mnistdash.jobs.queue import JobQueue
from mnistdash.runs.history import History, HistoryReader
from mnistdash.runs.run import Run
from mnistdash.settings import Settings
from mnistdash.system.logging import configure_logging
from mnistdash.system.malloc import limit_malloc_arenas, trim_memory_periodically
from mnistdash.ui.background import BackgroundTask

TRIM_SECONDS = 30.0  # between two releases of free memory to the operating system
WATCH_SECONDS = 12.0  # a session counts as watching a run this long
KEYS: dict[str | type[Any], Callable[[Any], Any]] = {  # what the caches below identify their arguments by
    Run: lambda run: (run.name, run.version),
    Dataset: lambda data: data.name,
}


@st.cache_resource
def settings() -> Settings:
    """Return this server's paths and limits."""
    return Settings.from_environment()


@st.cache_resource
def jobs() -> JobQueue:
    """Return this server's training queue, which ends with the server."""
    configure_logging()
    limit_malloc_arenas()
    trim_memory_periodically(TRIM_SECONDS)
    queue = JobQueue(settings())
    queue.start()
    atexit.register(queue.close)
    return queue


def watchers(run: str) -> int:
    """Return the number of sessions that watch a run, this one included."""
    now, last_looks = time.monotonic(), _last_looks()
    last_looks[st.session_state.setdefault("watcher", uuid.uuid4().hex)] = run, now
    for session, (_, at) in list(last_looks.items()):
        if now - at > WATCH_SECONDS:
            last_looks.pop(session, None)
    return sum(watched == run for watched, _ in list(last_looks.values()))


@st.cache_resource(show_spinner=False)
def _last_looks() -> dict[str, tuple[str, float]]:
    """Return, by session, the run it watches and the time of its last look."""
    return {}


def history(run: Run) -> History:
    """Return a run's history; only events that no session has seen yet are read."""
    return _history_reader(run.folder, run.config.created).read()


@st.cache_resource(max_entries=50, show_spinner=False)
def _history_reader(folder: Path, created: float) -> HistoryReader:
    return HistoryReader(folder)  # `created` distinguishes runs that had the same name


@st.cache_resource(show_spinner=False)
def data_task() -> BackgroundTask[tuple[Dataset, DataError | None]]:
    """Load MNIST, or the offline sample together with the reason."""
    paths = settings()
    return BackgroundTask(
        lambda progress: sample.load_mnist_or_sample(paths, lambda received, total: progress(received / total))
    )


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=KEYS)
def model(run: Run) -> Model:
    """Return a run's loaded network."""
    return load_model(run.name, settings().models)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=KEYS)
def _prediction_lock(run: Run) -> threading.Lock:
    return threading.Lock()


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=KEYS)
def prediction_task(run: Run, data: Dataset, split_name: str) -> BackgroundTask[SplitPredictions]:
    """Predict a split, after the splits that were asked for before."""

    def predict(progress: Callable[[float], None]) -> SplitPredictions:
        with _prediction_lock(run):
            return predictions.predict_split(run, model(run), data, split_name, progress)

    return BackgroundTask(predict)


@st.cache_resource(max_entries=50, show_spinner=False, hash_funcs=KEYS)
def robustness_task(run: Run, data: Dataset, split_name: str) -> BackgroundTask[Curves]:
    """Measure a model's accuracy under perturbations."""
    return BackgroundTask(partial(robustness.load_or_measure_curves, run, model(run), data, split_name))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=KEYS)
def tsne_task(run: Run, data: Dataset, split_name: str) -> BackgroundTask[np.ndarray]:
    """Compute the t-SNE map of a split's first digits."""

    def compute(progress: Callable[[float], None]) -> np.ndarray:
        features = prediction_task(run, data, split_name).result().features[: projection.MAX_POINTS]
        return projection.load_or_compute_tsne_map(run, data.name, split_name, features, progress)

    return BackgroundTask(compute)
