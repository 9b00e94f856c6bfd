"""Job queue with fake workers in this process."""

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from waiting import until

from mnistdash.exceptions import RunError
from mnistdash.jobs import processes
from mnistdash.jobs import queue as job_queue
from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import store
from mnistdash.runs.config import configure
from mnistdash.runs.events import EventWriter, read_events
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import LOCK, is_asked_to_stop
from mnistdash.settings import Settings
from mnistdash.system.locks import ProcessLock


class FakeWorker:
    """Worker that holds the lock of its run from `train` to `end`, as a worker process does."""

    started: ClassVar[list["FakeWorker"]] = []

    def __init__(self, settings: Settings, run: str | None = None):
        self.models, self.run, self.ended = settings.models, None, threading.Event()
        FakeWorker.started.append(self)
        if run is not None:
            self.train(run)

    def train(self, run: str) -> None:
        if self.ended.is_set():
            raise BrokenPipeError
        self.run, self.lock = run, ProcessLock(self.models / run / LOCK)
        assert self.lock.acquire()
        EventWriter(self.models / run).write("started", pid=0, time=0.0)

    def end(self, status: str = "stopped") -> None:
        EventWriter(self.models / self.run).write("ended", status=status, reason="")
        self.lock.release()
        self.ended.set()

    def close_input(self) -> None:
        if self.run is not None and not self.ended.is_set():
            self.end()

    def wait_for_end(self, folder: Path) -> None:
        self.ended.wait()

    def wait(self, timeout: float | None = None) -> int:
        return 0

    def poll(self) -> int | None:
        return 0 if self.ended.is_set() else None

    def kill(self) -> None:
        self.ended.set()


@pytest.fixture
def dashboard(models, monkeypatch):
    """Return a function that starts dashboards on one models folder: dashboard(concurrent_runs=2).

    They only update on request.
    """
    monkeypatch.setattr(job_queue, "Worker", FakeWorker)
    monkeypatch.setattr(processes, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "started", [])
    made = []

    def make(**settings: object) -> JobQueue:
        made.append(JobQueue(replace(Settings(data=None, cache=models, models=models), **settings)))
        return made[-1]

    yield make
    for queue in made:
        queue.close()


def submit(queue: JobQueue, models: Path) -> str:
    config = configure(RECIPES["softmax"], models)
    queue.submit(config)
    return config.name


def status(models: Path, name: str) -> str:
    return store.load_run(models / name).status


def end(name: str) -> None:
    next(worker for worker in FakeWorker.started if worker.run == name).end()


def test_a_run_starts_at_once_and_the_next_one_when_it_has_ended(dashboard, models):
    queue = dashboard()
    first, second = submit(queue, models), submit(queue, models)
    assert (status(models, first), status(models, second)) == ("running", "queued")
    assert queue.state(store.load_run(models / first)) == "running"
    assert queue.state(store.load_run(models / second)) == "queued"
    end(first)
    until(lambda: status(models, second) == "running")
    assert queue.state(store.load_run(models / first)) is None


def test_the_settings_limit_the_number_of_concurrent_runs(dashboard, models):
    queue = dashboard(concurrent_runs=2)
    names = [submit(queue, models) for _ in range(3)]
    assert [status(models, name) for name in names] == ["running", "running", "queued"]


def test_a_run_in_a_terminal_counts_and_is_not_started_again(dashboard, models):
    lock = ProcessLock(models / "mine" / LOCK)
    store.create_run(configure(RECIPES["softmax"], models, name="mine"), models, lock)
    queue = dashboard()
    name = submit(queue, models)
    assert (status(models, "mine"), status(models, name)) == ("running", "queued")
    lock.release()
    shutil.rmtree(models / "mine")
    queue.update()
    assert status(models, name) == "running"


def test_the_dashboard_that_holds_the_queue_starts_the_runs_of_others(dashboard, models):
    holder, other = dashboard(), dashboard()
    holder.update()
    name = submit(other, models)
    assert status(models, name) == "queued"
    holder.update()
    assert status(models, name) == "running"
    assert other.state(store.load_run(models / name)) == "running"
    assert len(FakeWorker.started) == 1


def test_another_dashboard_takes_over_the_queue_and_starts_the_oldest_run(dashboard, models):
    holder, other = dashboard(), dashboard()
    first, second, third = (submit(holder, models) for _ in range(3))
    other.update()
    assert status(models, second) == "queued", "the holder is still alive"
    holder.close()
    assert status(models, first) == "stopped"
    assert not (models / second / "events.jsonl").exists()
    other.update()
    assert (status(models, second), status(models, third)) == ("running", "queued")


def test_a_read_only_dashboard_never_runs_the_queue(dashboard, models):
    dashboard().close()
    store.create_run(configure(RECIPES["softmax"], models, name="left"), models)
    museum = dashboard(readonly=True)
    before = threading.active_count()
    museum.start()
    assert threading.active_count() == before
    assert museum.notice() is None
    with pytest.raises(RunError, match="Read-only mode"):
        submit(museum, models)
    assert status(models, "left") == "queued"


def test_a_holder_that_does_not_renew_its_lock_is_reported(dashboard, models, monkeypatch):
    """A frozen process keeps its lock; the system clock has no effect."""
    now = time.monotonic()
    monkeypatch.setattr("mnistdash.system.locks.time.monotonic", lambda: now)
    holder, other = dashboard(), dashboard()
    holder.update()
    other.update()
    assert holder.notice() is other.notice() is None
    now += job_queue.STALE_SECONDS + 1
    assert holder.notice() is None
    assert "does not respond" in other.notice()
    holder.update()
    assert other.notice() is None


def test_runs_queued_by_the_previous_version_are_started(dashboard, models):
    folder = store.create_run(configure(RECIPES["softmax"], models, name="old"), models)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {"queued_by": "0123456789abcdef"}))
    dashboard().update()
    assert status(models, "old") == "running"


def test_stopping_a_running_run_notifies_its_process(dashboard, models):
    queue, other = dashboard(), dashboard()
    name = submit(queue, models)
    other.stop(name)
    assert is_asked_to_stop(models / name)
    run = store.load_run(models / name)
    assert (run.status, queue.state(run), other.state(run)) == ("running", "stopping", "stopping")


def test_any_dashboard_cancels_a_queued_run(dashboard, models):
    queue, other = dashboard(), dashboard()
    first, second, third, fourth = (submit(queue, models) for _ in range(4))
    queue.stop(second)
    other.stop(third)
    for name in (second, third):
        run = store.load_run(models / name)
        assert (run.status, run.reason) == ("stopped", "Canceled before it started.")
    end(first)
    until(lambda: status(models, fourth) == "running")
    assert [event["event"] for event in read_events(models / second)[0]] == ["ended"]


def test_stopping_an_ended_or_missing_run_changes_nothing(dashboard, models):
    queue = dashboard()
    ended = submit(queue, models)
    end(ended)
    for name in (ended, "gone"):
        queue.stop(name)
        assert not is_asked_to_stop(models / name)
    assert not (models / "gone").exists()


def test_a_folder_deleted_by_hand_does_not_block_the_queue(dashboard, models):
    queue = dashboard()
    first, second, third = (submit(queue, models) for _ in range(3))
    shutil.rmtree(models / second)
    worker = FakeWorker.started[0]
    shutil.rmtree(models / first)
    worker.ended.set()
    until(lambda: status(models, third) == "running")
    assert not (models / first).exists()


def test_nothing_starts_on_a_full_disk(dashboard, models, monkeypatch):
    monkeypatch.setattr(job_queue, "is_disk_full", lambda folder: True)
    queue = dashboard()
    name = submit(queue, models)
    assert (status(models, name), FakeWorker.started) == ("queued", [])
    monkeypatch.setattr(job_queue, "is_disk_full", lambda folder: False)
    queue.update()
    assert status(models, name) == "running"


def test_limits_on_queued_and_stored_runs_count_all_dashboards(dashboard, models):
    queue, other = dashboard(queue=1, kept_runs=3), dashboard(queue=1, kept_runs=3)
    queue.check_limits(2)
    with pytest.raises(RunError, match="At most 1 run can be queued"):
        queue.check_limits(3)
    first, second = submit(queue, models), submit(other, models)
    with pytest.raises(RunError, match="can be queued"):
        submit(other, models)
    queue.check_limits(queued=False)
    queue.stop(second)
    third = submit(queue, models)
    queue.stop(third)
    for queued in (True, False):
        with pytest.raises(RunError, match="At most 3 runs can be stored"):
            queue.check_limits(queued=queued)
    assert {run.name for run in store.list_runs(models)} == {first, second, third}


def test_the_settings_limit_the_training_images(dashboard, models):
    assert store.load_run(models / submit(dashboard(images=1_000), models)).config.limit == 1_000


def test_closing_stops_running_runs_and_starts_no_others(dashboard, models):
    queue = dashboard()
    first, second = submit(queue, models), submit(queue, models)
    queue.close()
    queue.update()
    assert (status(models, first), status(models, second)) == ("stopped", "queued")


def test_a_warm_worker_trains_the_next_run(dashboard, models, monkeypatch):
    monkeypatch.setattr(processes, "available_memory", lambda: processes.WARM_MEMORY_BYTES)
    queue = dashboard()
    queue.update()
    assert FakeWorker.started == [], "not requested yet"
    queue.keep_warm()
    queue.update()
    queue.update()
    (worker,) = FakeWorker.started
    name = submit(queue, models)
    assert worker.run == name
    queue.update()
    assert len(FakeWorker.started) == 1, "no warm worker while a run trains"
    end(name)
    until(lambda: len(FakeWorker.started) == 2)
    queue.close()
    assert FakeWorker.started[1].ended.is_set()


def test_an_unused_warm_worker_ends(dashboard, monkeypatch):
    monkeypatch.setattr(processes, "available_memory", lambda: processes.WARM_MEMORY_BYTES)
    queue = dashboard()
    queue.keep_warm()
    queue.update()
    monkeypatch.setattr(processes, "WARM_SECONDS", -1.0)
    queue.keep_warm()
    queue.update()
    assert FakeWorker.started[0].ended.is_set()


def test_a_warm_worker_that_crashed_is_not_replaced(dashboard, models, monkeypatch):
    monkeypatch.setattr(processes, "available_memory", lambda: processes.WARM_MEMORY_BYTES)
    queue = dashboard()
    queue.keep_warm()
    queue.update()
    FakeWorker.started[0].ended.set()
    name = submit(queue, models)
    assert status(models, name) == "running"
    end(name)
    until(lambda: f"supervise {name}" not in {thread.name for thread in threading.enumerate()})
    queue.update()
    assert len(FakeWorker.started) == 2


@pytest.mark.parametrize(("memory", "settings"), [(1, {}), (processes.WARM_MEMORY_BYTES, {"stand_by": False})])
def test_no_worker_is_kept_warm_if_memory_is_low_or_the_settings_forbid_it(dashboard, monkeypatch, memory, settings):
    monkeypatch.setattr(processes, "available_memory", lambda: memory)
    queue = dashboard(**settings)
    queue.keep_warm()
    queue.update()
    assert FakeWorker.started == []
