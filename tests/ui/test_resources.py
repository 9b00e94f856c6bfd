"""Caches shared by all sessions, used outside a page."""

import threading

import numpy as np
import pytest
import streamlit as st

from mnistdash.data import sample as data_sample
from mnistdash.evaluation import projection
from mnistdash.exceptions import DataUnavailableError
from mnistdash.inference.model import Model
from mnistdash.ui import resources


@pytest.fixture(autouse=True)
def empty_caches():
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def test_the_data_is_loaded_once_and_again_on_request(models, sample, monkeypatch):
    reason = DataUnavailableError("no network")
    results = [(sample, reason), (sample, None)]

    def load(settings, progress):
        progress(3, 4)
        return results.pop(0)

    monkeypatch.setattr(data_sample, "load_mnist_or_sample", load)
    assert resources.data_task().result() == (sample, reason)
    assert resources.data_task().result() == (sample, reason)
    assert resources.data_task().progress == 0.75
    resources.data_task().restart()
    assert resources.data_task().result() == (sample, None)


def test_splits_are_predicted_once_and_one_at_a_time(flagship, sample, monkeypatch):
    running, most = [], []
    predict = Model.predict_with_features

    def watched(self, images: np.ndarray):
        running.append(threading.get_ident())
        most.append(len(set(running)))
        found = predict(self, images)
        running.remove(threading.get_ident())
        return found

    monkeypatch.setattr(Model, "predict_with_features", watched)
    tasks = [resources.prediction_task(flagship, sample, name) for name in ("test", "validation", "test")]
    assert tasks[0] is tasks[2]
    assert [len(task.result().features) for task in tasks] == [300, 200, 300]
    assert max(most) == 1


def test_the_map_shows_the_first_digits_of_the_split(flagship, sample, monkeypatch):
    monkeypatch.setattr(projection, "MAX_POINTS", 5)
    monkeypatch.setattr(projection, "load_or_compute_tsne_map", lambda run, data, split, features, progress: features)
    features = resources.tsne_task(flagship, sample, "validation").result()
    np.testing.assert_array_equal(
        features, resources.prediction_task(flagship, sample, "validation").result().features[:5]
    )
