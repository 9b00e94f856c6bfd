"""Resources."""

import atexit
import time
import uuid

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation.prediction_task import PredictionTask
from mnistdash.inference.model import Model, load_model
from mnistdash.jobs.queue import JobQueue
from mnistdash.runs.run import Run
from mnistdash.settings import Settings
from mnistdash.system.logging import configure_logging
from mnistdash.system.malloc import skip_destructors
from mnistdash.ui.loading import LoadingTask

WATCHES = 12.0  # seconds after its last look that a session counts as watching


@st.cache_resource
def settings() -> Settings:
    """Paths and limits of this server."""
    return Settings.from_environment()


@st.cache_resource
def jobs() -> JobQueue:
    """This server's queue of trainings; ending the server ends them."""
    configure_logging()
    queue = JobQueue(settings())
    queue.start()
    atexit.register(queue.close)
    skip_destructors()
    return queue


def watchers(run: str) -> int:
    """How many sessions watch a run; the one that asks is one of them from now on."""
    now, looks = time.monotonic(), _last_looks()
    looks[st.session_state.setdefault("watcher", uuid.uuid4().hex)] = run, now
    for session, (_, at) in list(looks.items()):
        if now - at > WATCHES:
            looks.pop(session, None)
    return sum(watched == run for watched, _ in list(looks.values()))


def model(run: Run) -> Model:
    """A run's network, loaded once for all sessions."""
    return _model(run.name, run.version)


def prediction_task(run: Run, data: Dataset) -> PredictionTask:
    """What reads the splits with a model, once for all sessions."""
    return _reading(run.name, run.version, data.name, run, data)


def features_of(run: Run, data: Dataset, views: np.ndarray) -> np.ndarray:
    """The features of (n, 28, 28) images, as those of a split that is analysed already: (n, d) float32."""
    return prediction_task(run, data).axes.project(model(run).predict_with_features(views)[1])


@st.cache_resource(show_spinner=False)
def _last_looks() -> dict[str, tuple[str, float]]:
    """By session: the run that it watches, and when it last looked."""
    return {}


@st.cache_resource(max_entries=8, show_spinner=False)
def _model(name: str, version: int) -> Model:
    return load_model(name, settings().models)


@st.cache_resource(max_entries=4, show_spinner=False)
def _reading(name: str, version: int, data_name: str, _run: Run, _data: Dataset) -> PredictionTask:
    return PredictionTask(_run, _model(name, version), _data)


@st.cache_resource(show_spinner=False)
def _loading() -> LoadingTask:
    return LoadingTask(settings())
