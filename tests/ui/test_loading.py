import threading

import pytest

from mnistdash.data import sample as data_sample
from mnistdash.exceptions import DataUnavailableError
from mnistdash.settings import Settings
from mnistdash.ui.loading import LoadingTask


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data=None, cache=tmp_path, models=tmp_path)


def test_progress_can_be_watched_while_it_loads(settings, sample, monkeypatch):
    go_on = threading.Event()

    def load(settings, progress, **_):
        progress(3, 10)
        go_on.wait(10)
        return sample, None

    monkeypatch.setattr(data_sample, "load_mnist_or_sample", load)
    loading = LoadingTask(settings)
    assert not loading.wait(0.1)
    assert (loading.received, loading.total) == (3, 10)
    go_on.set()
    assert loading.wait(10)
    assert loading.result() == (sample, None)


def test_trying_again_looks_once_more(settings, sample, monkeypatch):
    results = [(sample, DataUnavailableError("no network")), (sample, None)]
    monkeypatch.setattr(data_sample, "load_mnist_or_sample", lambda *_, **__: results.pop(0))
    loading = LoadingTask(settings)
    assert str(loading.result()[1]) == "no network"
    loading.retry()
    assert loading.result()[1] is None


def test_trying_again_while_it_loads_starts_no_second(settings, sample, monkeypatch):
    """Thirty people may press the button."""
    go_on, calls = threading.Event(), []

    def load(*_, **__):
        calls.append(1)
        go_on.wait(10)
        return sample, None

    monkeypatch.setattr(data_sample, "load_mnist_or_sample", load)
    loading = LoadingTask(settings)
    for _ in range(30):
        loading.retry()
    go_on.set()
    loading.result()
    assert len(calls) == 1


def test_an_unforeseen_failure_reaches_those_who_wait(settings, monkeypatch):
    def load(*_, **__):
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(data_sample, "load_mnist_or_sample", load)
    with pytest.raises(RuntimeError, match="unforeseen"):
        LoadingTask(settings).result()
