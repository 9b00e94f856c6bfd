"""The queue, with children that only pretend to train, so that each test takes a second."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mnistdash.jobs import queue as jobs_queue
from mnistdash.runs import store
from mnistdash.runs.config import configure
from mnistdash.runs.events import read_events
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import is_asked_to_stop
from mnistdash.settings import PROJECT, Settings

CHILD = """
import os, sys
from pathlib import Path
from mnistdash.events import EventWriter
from mnistdash.lifelines import Lifeline
name, what = sys.argv[1:]
models = Path(os.environ["MNISTDASH_MODELS"])
writer = EventWriter(models / name)
lifeline = Lifeline(models)
writer.write("started", pid=os.getpid(), lifeline=lifeline.name)
print("hello from the child", flush=True)
if what == "crash":
    os.abort()
if what == "deaf":
    import time
    time.sleep(60)
sys.stdin.readline()
writer.write("ended", status="stopped", reason="")
"""

SPARE = """
import json, os, sys, time
from pathlib import Path
from mnistdash.events import EventWriter
from mnistdash.lifelines import Lifeline
folder = Path(os.environ["MNISTDASH_MODELS"])
for line in sys.stdin:
    order = json.loads(line)
    if "measure" in order:
        (folder / "measured.json").write_text(json.dumps(order["measure"]))
        continue
    writer = EventWriter(folder / order["train"])
    lifeline = Lifeline(folder)
    writer.write("started", pid=os.getpid(), lifeline=lifeline.name, by="the spare")
    sys.stdin.readline()
    writer.write("ended", status="stopped", reason="")
    break
"""


def until(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def queue(models, monkeypatch):
    """Jobs whose children behave as their recipe's seed says: 0 wait to be stopped, 1 crash, 2 are deaf."""

    def command(arguments: list[str]) -> list[str]:
        if arguments == ["--stand-by"]:
            return [sys.executable, "-c", SPARE]
        what = ("wait", "crash", "deaf")[store.load_run(models / arguments[-1]).config.seed]
        return [sys.executable, "-c", CHILD, arguments[-1], what]

    monkeypatch.setattr(jobs_queue, "_command", command)
    queue = jobs_queue.JobQueue(Settings(data=None, cache=models, models=models))
    yield queue
    monkeypatch.setattr(jobs_queue, "GRACE", 0)
    queue.close()


def submit(queue: jobs_queue.JobQueue, models: Path, seed: int = 0) -> str:
    config = configure(RECIPES["softmax"], models, seed=seed)
    queue.submit(config)
    return config.name


def status(models: Path, name: str) -> str:
    return store.load_run(models / name).status


def started(models: Path, name: str) -> dict:
    """Wait for a run's process to say so."""
    until(lambda: any(event["event"] == "started" for event in read_events(models / name)[0]))
    return read_events(models / name)[0][1]


def test_one_runs_and_the_next_begins_when_it_ends(queue, models):
    first, second = submit(queue, models), submit(queue, models)
    until(lambda: status(models, first) == "running")
    assert status(models, second) == queue.state(second) == "queued"
    assert queue.state(first) == "running"
    queue.stop(first)
    assert queue.state(first) == "stopping"
    until(lambda: status(models, first) == "stopped")
    until(lambda: status(models, second) == "running")
    assert queue.state(second) == "running"
    assert queue.state(first) is None


def test_several_run_at_once_where_that_is_allowed(models, queue):
    several = jobs_queue.JobQueue(replace(Settings(data=None, cache=models, models=models), concurrent_runs=2))
    first, second = submit(several, models), submit(several, models)
    try:
        until(lambda: status(models, first) == status(models, second) == "running")
    finally:
        several.close()


def test_a_queued_run_can_be_taken_off_the_queue(queue, models):
    first, second, third = (submit(queue, models) for _ in range(3))
    queue.stop(second)
    assert status(models, second) == "stopped"
    queue.stop(first)
    until(lambda: status(models, third) == "running")
    assert not any(event["event"] == "started" for event in read_events(models / second)[0])


def test_a_run_whose_process_crashes_fails_with_the_end_of_its_log_and_the_queue_goes_on(queue, models):
    first, second = submit(queue, models, seed=1), submit(queue, models)
    until(lambda: status(models, second) == "running")
    run = store.load_run(models / first)
    assert run.status == "failed"
    assert "killed by SIGABRT" in run.reason
    assert "hello from the child" in run.reason


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_folder_removed_by_hand_does_not_hold_up_the_queue(queue, models):
    first, second = submit(queue, models), submit(queue, models)
    until(lambda: status(models, first) == "running")
    shutil.rmtree(models / first)
    queue.stop(first)
    until(lambda: status(models, second) == "running")


def test_the_real_child_fails_in_words(models, offline, queue, monkeypatch):
    """A child that cannot even read its settings must not stay 'running' for ever."""
    monkeypatch.undo()
    monkeypatch.setenv("MNISTDASH_MODELS", str(models))
    plain = jobs_queue.JobQueue(Settings(data=None, cache=models, models=models))
    config = configure(RECIPES["softmax"], models)
    broken = replace(config, recipe="no-such-recipe")
    plain.submit(broken)
    until(lambda: status(models, broken.name) == "failed", 60)
    assert "no-such-recipe" in store.load_run(models / broken.name).reason


def test_closing_ends_all_children_and_begins_no_other(queue, models):
    first, second = submit(queue, models), submit(queue, models)
    until(lambda: status(models, first) == "running")
    queue.close()
    assert status(models, first) == "stopped"
    time.sleep(0.2)
    assert status(models, second) == "queued"
    assert not (models / second / "events.jsonl").exists()


def test_a_child_that_does_not_listen_is_killed(queue, models, monkeypatch):
    monkeypatch.setattr(jobs_queue, "GRACE", 0.2)
    name = submit(queue, models, seed=2)
    until(lambda: status(models, name) == "running")
    queue.close()
    until(lambda: "SIGKILL" in store.load_run(models / name).reason)
    assert status(models, name) == "failed"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_children_end_with_the_server_however_it_ends(models, how, environment):
    """A killed server cannot say goodbye; the end of the child's standard input says it."""
    server = f"""
import sys, time
from mnistdash import configs, jobs, runs
from mnistdash.recipes import RECIPES
from mnistdash.settings import Settings
settings = Settings.from_environment()
jobs._command = lambda arguments: [sys.executable, "-c", {CHILD!r}, arguments[-1], "wait"]
queue = jobs.Jobs(settings)
queue.submit(configs.configure(RECIPES["softmax"], settings.models, name="run"))
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", server], cwd=PROJECT, env=environment)
    until(lambda: (models / "run" / "config.json").exists())
    child = psutil.Process(started(models, "run")["pid"])
    assert status(models, "run") == "running"
    process.send_signal(how)
    process.wait()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert status(models, "run") == "stopped"


def test_a_spare_process_measures_and_becomes_the_next_run(queue, models):
    assert queue.stand_by()
    spare = queue._spare
    assert queue.stand_by()
    assert queue._spare is spare, "one is enough"
    assert queue.measure(configure(RECIPES["softmax"], models, batch_size=64))
    until(lambda: (models / "measured.json").exists())
    assert json.loads((models / "measured.json").read_text()) == {
        "recipe": "softmax",
        "batch_size": 64,
        "optimizer": "sgd",
        "augmentation": False,
    }
    name = submit(queue, models)
    assert started(models, name)["by"] == "the spare"
    assert not queue.stand_by(), "not beside a run"
    queue.stop(name)
    until(lambda: status(models, name) == "stopped")
    until(lambda: queue.stand_by())
    assert queue._spare is not spare


def test_a_run_begins_without_a_spare_that_has_died(queue, models):
    queue.stand_by()
    queue._spare.kill()
    queue._spare.wait()
    name = submit(queue, models)
    until(lambda: status(models, name) == "running")


def test_a_spare_process_ends_when_nobody_wants_it_any_more(queue, monkeypatch):
    monkeypatch.setattr(jobs_queue, "WANTED", 0.0)
    monkeypatch.setattr(jobs_queue, "CHECK", 0.05)
    queue.stand_by()
    spare = queue._spare
    until(lambda: spare.poll() is not None)
    assert queue._spare is None


def test_there_is_no_spare_process_where_memory_is_scarce_or_the_settings_forbid_it(queue, models, monkeypatch):
    monkeypatch.setattr(jobs_queue, "available_memory", lambda: jobs_queue.ROOM - 1)
    assert not queue.stand_by()
    assert not queue.measure(configure(RECIPES["softmax"], models))
    monkeypatch.setattr(jobs_queue, "available_memory", lambda: jobs_queue.ROOM)
    assert queue.stand_by()
    forbidden = jobs_queue.JobQueue(Settings(data=None, cache=models, models=models, stand_by=False))
    assert not forbidden.stand_by()


def test_ending_the_server_ends_its_spare_process(queue):
    queue.stand_by()
    spare = queue._spare
    queue.close()
    assert spare.poll() is not None
    assert not queue.stand_by()


def another_server(models: Path, **limits) -> jobs_queue.JobQueue:
    return jobs_queue.JobQueue(replace(Settings(data=None, cache=models, models=models), **limits))


def test_the_next_dashboard_takes_over_what_one_that_has_ended_left_in_its_queue(queue, models):
    first, second, third = (submit(queue, models) for _ in range(3))
    started(models, first)
    successor = another_server(models)
    successor.adopt(store.list_runs(models))
    assert successor.state(second) is None, "not while its own dashboard lives"
    queue.close()
    assert status(models, second) == status(models, third) == "queued"
    successor.adopt(store.list_runs(models))
    try:
        until(lambda: successor.state(second) == "running")
        assert successor.state(third) == "queued", "the oldest goes first"
        started(models, second)
        successor.stop(second)
        until(lambda: successor.state(third) == "running")
    finally:
        successor.close()


def test_of_two_dashboards_one_takes_a_run_over(queue, models):
    names = [submit(queue, models) for _ in range(3)]
    started(models, names[0])
    queue.close()
    heirs = [another_server(models) for _ in range(2)]
    seen = store.list_runs(models)
    threads = [threading.Thread(target=heir.adopt, args=(seen,)) for heir in heirs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        for name in names[1:]:
            assert [heir.state(name) is not None for heir in heirs].count(True) == 1
    finally:
        for heir in heirs:
            heir.close()


def test_dashboards_that_share_a_folder_train_one_after_the_other(queue, models, monkeypatch):
    monkeypatch.setattr(jobs_queue, "CHECK", 0.05)
    first = submit(queue, models)
    started(models, first)
    other = another_server(models)
    second = submit(other, models)
    try:
        time.sleep(0.3)
        assert other.state(second) == status(models, second) == "queued"
        queue.stop(first)
        until(lambda: other.state(second) == "running")
    finally:
        other.close()


def test_any_dashboard_takes_a_run_off_the_queue_of_another(queue, models):
    first, second, third = (submit(queue, models) for _ in range(3))
    started(models, first)
    other = another_server(models)
    other.stop(second)
    assert status(models, second) == "stopped"
    queue.stop(first)
    until(lambda: status(models, third) == "running")
    assert status(models, second) == "stopped"
    assert "started" not in [event["event"] for event in read_events(models / second)[0]]
    for name in (first, "gone"):
        other.stop(name)
        assert not is_asked_to_stop(models / name)


def test_a_stopped_run_says_nothing_and_one_whose_dashboard_ended_says_so(models, environment):
    """With the real worker; what stops it is told from what ends its dashboard."""
    orders = "import sys; from mnistdash.jobs.worker import _Orders; orders = _Orders(); print('there', flush=True)"
    command = [sys.executable, "-c", f"{orders}; orders.stop.wait(); print(orders.stop.reason)"]
    for words, reason in ((b'{"stop": true}\n', ""), (b"", "The dashboard that started it has ended.")):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        assert child.stdout.readline() == b"there\n"
        child.stdin.write(words)
        child.stdin.flush()
        if not words:
            child.stdin.close()
        assert child.stdout.read().decode().strip() == reason
        child.wait()
        for pipe in (child.stdin, child.stdout):
            pipe.close()


def test_so_many_may_wait_and_so_many_are_kept(queue, models):
    small = another_server(models, queue=1, kept_runs=3)
    try:
        assert small.objection(2) is None
        assert "At most 1 run may wait here" in small.objection(3)
        first, second = submit(small, models), submit(small, models)
        with pytest.raises(store.RunError, match="may wait"):
            submit(small, models)
        small.stop(second)
        submit(small, models)
        small.stop(submitted := store.list_runs(models)[0].name)
        assert "At most 3 runs are kept here" in small.objection()
        with pytest.raises(store.RunError, match="delete some"):
            submit(small, models)
        assert {run.name for run in store.list_runs(models)} == {first, second, submitted}
    finally:
        small.close()


def test_a_dashboard_for_looking_only_trains_nothing(queue, models):
    submitted = submit(queue, models)
    started(models, submitted)
    left = submit(queue, models)
    queue.close()
    museum = another_server(models, readonly=True)
    with pytest.raises(store.RunError, match="for looking only"):
        submit(museum, models)
    museum.adopt(store.list_runs(models))
    assert museum.state(left) is None
    assert not museum.stand_by()


def test_no_run_trains_on_more_images_than_there_may_be(queue, models):
    small = another_server(models, images=1_000)
    try:
        assert store.load_run(models / submit(small, models)).config.limit == 1_000
    finally:
        small.close()


def test_a_training_has_as_many_threads_as_the_settings_say(models, queue, monkeypatch):
    seen = {}
    monkeypatch.setattr(jobs_queue.subprocess, "Popen", lambda *_, **options: seen.update(options["env"]))
    another_server(models, threads=3)._popen(["--stand-by"], subprocess.DEVNULL)
    assert seen["TF_NUM_INTRAOP_THREADS"] == seen["OMP_NUM_THREADS"] == "3"
    monkeypatch.undo()
