"""Workers as real processes, which only pretend to train, and dashboards that are killed or frozen."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from fake_dashboard import __file__ as fake_dashboard
from fake_dashboard import fake_command
from waiting import until

from mnistdash.jobs import processes
from mnistdash.jobs import queue as job_queue
from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import store
from mnistdash.runs.config import configure
from mnistdash.runs.events import read_events
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import PROJECT, Settings

WAIT, CRASH, DEAF, FINISH = range(4)  # the seeds of `fake_worker`


@pytest.fixture
def queue(models, monkeypatch) -> Iterator[JobQueue]:
    """A queue with fake workers."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setattr(processes, "worker_command", fake_command)
    queue = JobQueue(Settings(data=None, cache=models, models=models))
    yield queue
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0)
    queue.close()


def submit(queue: JobQueue, models: Path, seed: int) -> str:
    config = configure(RECIPES["softmax"], models, seed=seed)
    queue.submit(config)
    return config.name


def status(models: Path, name: str) -> str:
    return store.load_run(models / name).status


def process_of(models: Path, name: str) -> psutil.Process:
    """Return the process that trains a run, once it has started."""
    until(lambda: read_events(models / name)[0])
    return psutil.Process(read_events(models / name)[0][0]["pid"])


def until_training(models: Path, name: str) -> None:
    """Wait until the fake worker of a run does what the seed says."""
    log = models / name / "log.txt"
    until(lambda: log.exists() and "hello from the worker" in log.read_text())


@pytest.mark.slow
def test_a_crash_is_recorded_with_the_end_of_the_log_and_the_queue_goes_on(queue, models):
    first, second = submit(queue, models, CRASH), submit(queue, models, FINISH)
    until(lambda: status(models, second) == "stopped")
    run = store.load_run(models / first)
    assert run.status == "failed"
    assert "killed by SIGABRT" in run.reason
    assert "hello from the worker" in run.reason


@pytest.mark.slow
def test_a_worker_that_cannot_read_its_settings_fails_in_words(queue, models):
    config = configure(RECIPES["softmax"], models)
    store.create_run(config, models)
    (models / config.name / "config.json").write_text("{}")
    worker = processes.Worker(Settings(data=None, cache=models, models=models), config.name)
    worker.wait_for_end(models / config.name)
    (event,) = read_events(models / config.name)[0]
    assert event["reason"].startswith("Its process ended with exit status 1. The end of its log:\nmnistdash: ")


@pytest.mark.slow
def test_a_worker_that_does_not_listen_is_killed(queue, models, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    name = submit(queue, models, DEAF)
    until_training(models, name)
    queue.close()
    until(lambda: "SIGKILL" in store.load_run(models / name).reason)
    assert status(models, name) == "failed"


@pytest.mark.slow
def test_a_run_stops_at_the_request_of_another_dashboard(queue, models):
    name = submit(queue, models, WAIT)
    until_training(models, name)
    JobQueue(Settings(data=None, cache=models, models=models)).stop(name)
    until(lambda: status(models, name) == "stopped")
    assert store.load_run(models / name).reason == ""


@pytest.mark.slow
def test_a_run_canceled_while_its_process_starts_never_begins(queue, models, monkeypatch):
    go = models / "go"
    wait = f'while [ ! -e {shlex.quote(str(go))} ]; do sleep 0.05; done; exec "$@"'
    monkeypatch.setattr(processes, "worker_command", lambda run: ["sh", "-c", wait, "sh", *fake_command(run)])
    name = submit(queue, models, WAIT)
    assert queue.state(store.load_run(models / name)) == "running"
    queue.stop(name)
    assert status(models, name) == "stopped"
    go.touch()
    next_name = submit(queue, models, FINISH)
    until(lambda: status(models, next_name) == "stopped")
    assert [event["event"] for event in read_events(models / name)[0]] == ["ended"]


@pytest.mark.slow
def test_a_warm_worker_reads_the_name_of_its_run(queue, models):
    worker = processes.Worker(Settings(data=None, cache=models, models=models))
    config = configure(RECIPES["softmax"], models, seed=WAIT)
    folder = store.create_run(config, models)
    worker.train(config.name)
    until_training(models, config.name)
    assert status(models, config.name) == "running"
    assert process_of(models, config.name).pid == worker.pid
    worker.close_input()
    worker.wait_for_end(folder)
    assert status(models, config.name) == "stopped"


def test_a_worker_uses_as_many_threads_as_the_settings_say(models, monkeypatch):
    seen: dict[str, str] = {}
    monkeypatch.setattr(subprocess.Popen, "__init__", lambda *_, **options: seen.update(options["env"]))
    monkeypatch.setattr(subprocess.Popen, "__del__", lambda _: None)
    processes.Worker(Settings(data=None, cache=models, models=models, threads=3))
    assert seen["TF_NUM_INTRAOP_THREADS"] == seen["OMP_NUM_THREADS"] == "3"


@pytest.fixture
def start_dashboard(models, environment) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start dashboards on one folder of models, each with some runs: start_dashboard("a", "b")."""
    started = []

    def start(*runs: str) -> subprocess.Popen:
        command = [sys.executable, fake_dashboard, *runs]
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_dashboard_leaves_no_process_and_another_one_runs_its_queue(models, start_dashboard, how):
    first = start_dashboard("long", "next")
    second = start_dashboard()
    child = process_of(models, "long")
    assert (status(models, "long"), status(models, "next")) == ("running", "queued")
    first.send_signal(how)
    first.wait()
    until(lambda: status(models, "long") == "stopped")
    assert store.load_run(models / "long").reason == "The dashboard that started it has ended."
    until(lambda: status(models, "next") == "running")
    assert psutil.Process(process_of(models, "next").pid).ppid() == second.pid
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.slow
def test_a_frozen_dashboard_keeps_the_queue_and_is_noticed_until_it_continues(models, start_dashboard, monkeypatch):
    monkeypatch.setattr(job_queue, "STALE_SECONDS", 6.0)
    frozen = start_dashboard("long")
    until(lambda: status(models, "long") == "running")
    os.kill(frozen.pid, signal.SIGSTOP)
    queue = JobQueue(Settings(data=None, cache=models, models=models))
    try:
        name = submit(queue, models, WAIT)
        until(lambda: queue.notice() is not None)
        assert "does not respond" in queue.notice()
        queue.stop("long")
        until(lambda: status(models, "long") == "stopped")
        queue.update()
        assert status(models, name) == "queued", "two dashboards must never run the queue"
        os.kill(frozen.pid, signal.SIGCONT)
        until(lambda: status(models, name) == "running")
        until(lambda: queue.notice() is None)
        assert psutil.Process(process_of(models, name).pid).ppid() == frozen.pid
    finally:
        queue.close()
