"""Worker protocol with a function in place of training."""

import errno
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from waiting import until

from mnistdash.data import sample
from mnistdash.exceptions import DataUnavailableError, RunError
from mnistdash.jobs import worker
from mnistdash.jobs.processes import Worker
from mnistdash.jobs.worker import Stop, train_queued_run
from mnistdash.runs import store
from mnistdash.runs.config import configure
from mnistdash.runs.events import EventWriter, read_events
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import LOCK, STOP
from mnistdash.settings import Settings
from mnistdash.system.locks import is_locked, try_lock


@pytest.fixture
def folder(models) -> Path:
    """Return the folder of a queued run."""
    return store.create_run(configure(RECIPES["softmax"], models, name="run"), models)


@pytest.fixture
def settings(models) -> Settings:
    return Settings(data=None, cache=models, models=models)


@pytest.fixture(autouse=True)
def signals(monkeypatch) -> None:
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)


@pytest.fixture
def trains_with(monkeypatch) -> Iterator[Callable]:
    """Return a function that replaces training: trains_with(lambda config, folder, dataset, writer, stop: None)."""
    monkeypatch.setattr(sample, "load_mnist_or_sample", lambda *_, **__: ("the data", None))
    return lambda function: monkeypatch.setattr(worker, "_import_train", lambda: function)


def ended(folder: Path) -> tuple[str, str]:
    """Return the status and reason of the last event."""
    event = read_events(folder)[0][-1]
    assert event["event"] == "ended"
    return event["status"], event["reason"]


def raising(error: BaseException) -> Callable:
    def train(*_: object) -> None:
        raise error

    return train


def test_the_lock_is_held_while_a_run_trains(folder, settings, trains_with):
    seen = []
    trains_with(lambda *_: seen.append((is_locked(folder / LOCK), store.load_run(folder).status)))
    train_queued_run("run", settings, Stop())
    assert seen == [(True, "running")]
    assert not is_locked(folder / LOCK)
    assert ended(folder) == ("stopped", "")
    assert read_events(folder)[0][0]["event"] == "started"


def test_a_run_that_another_process_trains_is_left_alone(folder, settings, trains_with, monkeypatch):
    monkeypatch.setattr(worker, "LOCK_TIMEOUT", 0)
    trains_with(raising(AssertionError("the run was trained")))
    with try_lock(folder / LOCK) as acquired:
        assert acquired
        train_queued_run("run", settings, Stop())
    assert not read_events(folder)[0]


def test_a_canceled_run_is_left_alone(folder, settings, trains_with):
    trains_with(raising(AssertionError("the run was trained")))
    EventWriter(folder).write("ended", status="stopped", reason="")
    train_queued_run("run", settings, Stop())
    assert len(read_events(folder)[0]) == 1


def test_a_run_stays_queued_if_its_dashboard_ends_before_it_starts(folder, settings, trains_with):
    trains_with(raising(AssertionError("the run was trained")))
    stop = Stop()
    stop.because("The dashboard that started it has ended.")
    train_queued_run("run", settings, stop)
    assert store.load_run(folder).status == "queued"


@pytest.mark.parametrize(
    ("error", "raised", "reason"),
    [
        (ValueError("something odd"), ValueError, "something odd"),
        (ValueError(), ValueError, "ValueError"),
        (KeyboardInterrupt(), KeyboardInterrupt, "It was interrupted."),
        (OSError(errno.ENOSPC, "No space left"), RunError, "The disk is full (No space left). Free some space"),
        (RunError("The loss became infinite."), RunError, "The loss became infinite."),
    ],
)
def test_a_failure_is_the_last_event(folder, settings, trains_with, error, raised, reason):
    trains_with(raising(error))
    with pytest.raises(raised):
        train_queued_run("run", settings, Stop())
    status, said = ended(folder)
    assert status == "failed"
    assert said.startswith(reason)


def test_a_run_stops_when_its_folder_contains_a_stop_file(folder, settings, trains_with):
    def train(config, folder, dataset, writer, stop: threading.Event, throughput) -> None:
        (folder / STOP).touch()
        until(stop.is_set)

    trains_with(train)
    train_queued_run("run", settings, Stop())
    assert ended(folder) == ("stopped", "")


def test_a_run_stops_at_its_time_limit_and_gives_the_reason(folder, settings, trains_with, monkeypatch):
    timers = []
    monkeypatch.setattr(worker.threading, "Timer", lambda *arguments: timers.append(arguments) or threading.Thread())

    def train(*_: object) -> None:
        (seconds, function, arguments) = timers[0]
        assert seconds == 60 * settings.minutes
        function(*arguments)

    trains_with(train)
    train_queued_run("run", settings, Stop())
    assert ended(folder) == ("stopped", "Stopped after 240 minutes, the time limit for a run.")


def test_a_run_on_the_sample_gives_the_reason(folder, settings, trains_with, monkeypatch, capsys):
    trains_with(lambda *_: None)
    why = DataUnavailableError("There is no network.")
    monkeypatch.setattr(sample, "load_mnist_or_sample", lambda *_, **__: ("the sample", why))
    train_queued_run("run", settings, Stop())
    assert read_events(folder)[0][1]["why"] == "There is no network."
    assert "There is no network. Training on the offline sample instead." in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_reports_an_altered_data_file(mnist, folder, settings, tmp_path, monkeypatch):
    """The dashboard may have loaded intact files, so the worker verifies them again."""
    data = tmp_path / "data"
    data.mkdir()
    for path in Path(mnist.source).glob("*ubyte*"):
        shutil.copyfile(path, data / path.name)
    altered = next(data.glob("train-labels*"))
    content = bytearray(altered.read_bytes())
    content[-5] ^= 1
    altered.write_bytes(content)
    monkeypatch.setattr(worker, "_import_train", lambda: lambda *_: None)
    train_queued_run("run", replace(settings, data=data), Stop())
    why = read_events(folder)[0][1]["why"]
    assert "train-labels" in why
    assert "expected" in why


@pytest.mark.slow
def test_a_warm_worker_trains_the_run_named_on_standard_input(models, settings, offline):
    """Warm up, read the name, train, evaluate and export with TensorFlow."""
    config = configure(RECIPES["softmax"], models, epochs=1, limit=200, precision="auto", tensorboard=True)
    folder = store.create_run(config, models)
    process = Worker(settings)
    process.train(config.name)
    until(lambda: read_events(folder)[0] and read_events(folder)[0][-1]["event"] == "ended", 600)
    process.wait_for_end(folder)
    run = store.load_run(folder)
    assert run.status == "finished"
    assert run.card.precision in ("float32", "bfloat16")
    assert (folder / "tensorboard" / "validation").is_dir()
