"""Faults that are caused for real: killed processes, full disks, folders that may only be read."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import store
from mnistdash.runs.config import RunConfig, configure, resume_config
from mnistdash.runs.events import EventWriter, read_events
from mnistdash.runs.history import History
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import PROJECT, Settings

SECONDS = 90  # a slow machine must not fail a test of what happens


def until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def kinds(folder: Path) -> list[str]:
    return [event["event"] for event in read_events(folder)[0]]


def softmax(models: Path, name: str, epochs: int) -> RunConfig:
    return configure(RECIPES["softmax"], models, name=name, epochs=epochs)


@pytest.fixture
def queue(models, offline):
    """A queue with real children, on the offline sample."""
    queue = JobQueue(Settings(data=None, cache=offline, models=models, stand_by=False))
    yield queue
    queue.close()


def test_a_training_killed_in_the_middle_of_an_epoch_is_told_and_the_queue_goes_on(queue, models):
    queue.submit(softmax(models, "long", 1000))
    queue.submit(softmax(models, "short", 1))
    until(lambda: "epoch" in kinds(models / "long"))
    pid = next(event["pid"] for event in read_events(models / "long")[0] if event["event"] == "started")
    os.kill(pid, signal.SIGKILL)
    # Until the dashboard has been told how the process ended, the run is failed without that reason.
    until(lambda: "killed by SIGKILL, perhaps for want of memory" in (store.load_run(models / "long").reason or ""))
    assert store.load_run(models / "long").status == "failed"
    until(lambda: store.load_run(models / "short").status == "finished")
    assert store.load_trained_run("short", models).card.test_accuracy > 0.5
    # What it had learnt until then is not lost.
    config = resume_config(store.load_run(models / "long").config, models, epochs=1, learning_rate=0.01)
    queue.submit(config)
    until(lambda: store.load_run(models / config.name).status == "finished")
    assert (
        next(event for event in read_events(models / config.name)[0] if event["event"] == "epoch")["val_accuracy"] > 0.7
    )


SERVER = """
import time
from mnistdash import jobs, runs
from mnistdash.configs import configure
from mnistdash.recipes import RECIPES
from mnistdash.settings import Settings
settings = Settings.from_environment()
queue = jobs.Jobs(settings)
for name, epochs in (("long", 1000), ("short", 1)):
    queue.submit(configure(RECIPES["softmax"], settings.models, name=name, epochs=epochs))
time.sleep(600)
"""


def test_a_killed_dashboard_leaves_no_process_and_the_next_one_goes_on_with_its_queue(models, offline, environment):
    environment |= {"MNISTDASH_STAND_BY": "0"}
    server = subprocess.Popen([sys.executable, "-c", SERVER], cwd=PROJECT, env=environment)
    until(lambda: "epoch" in kinds(models / "long"))
    children = psutil.Process(server.pid).children(recursive=True)
    assert children
    server.kill()
    server.wait()
    successor = JobQueue(Settings(data=None, cache=offline, models=models, stand_by=False))
    try:
        successor.adopt(store.list_runs(models))
        assert successor.state("short") is not None
        until(lambda: store.load_run(models / "short").status == "finished")
        long = store.load_trained_run("long", models)
        assert (long.status, long.reason) == ("stopped", "The dashboard that started it has ended.")
        begun = next(event for event in read_events(models / "short")[0] if event["event"] == "started")
        assert begun["time"] > next(
            event["time"] for event in read_events(models / "long")[0] if event["event"] == "started"
        )
        psutil.wait_procs(children, timeout=SECONDS)
        assert not [child for child in children if child.is_running()]
    finally:
        successor.close()


def limited(size: int) -> Callable[[], None]:
    """What makes a child unable to write more than so many bytes into a file, as on a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


LAST = 20_000


@pytest.mark.parametrize(
    ("room", "sentence"),
    [
        (150, "The run cannot be stored in"),
        (700, "The disk is full: make room, and start it again"),
        (LAST, "The disk is full: make room, and start it again"),
    ],
)
def test_a_disk_that_is_full_while_settings_events_or_the_export_are_written(
    models, offline, environment, room, sentence
):
    """The files that the run may write end after so many bytes."""
    command = [sys.executable, "-m", "mnistdash", "train", "--recipe", "softmax", "--epochs", "2", "--name", "full"]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, preexec_fn=limited(room), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert sentence in done.stderr.splitlines()[-1]
    for run in store.list_runs(models):
        assert run.status == "failed"
        assert run.reason
        assert run.card is None
        assert not list(run.folder.glob(".writing-*")), "nothing half-written is left"
        shutil.rmtree(run.folder)
    assert not (models / "full").exists()
    if room == LAST:  # nothing is left of any of them, so once is enough
        assert subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=False).returncode == 0


def test_an_event_that_was_cut_short_takes_no_other_with_it(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write("batch", step=1)
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"event": "epoch", "st')
    writer.write("batch", step=2)
    assert [event["step"] for event in read_events(tmp_path)[0]] == [1, 2]


@pytest.fixture
def may_only_read(models) -> list[str]:
    """The folder of models without the right to write; what a command begins with for which root is no exception."""
    yield ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    for folder in (models, *(path for path in models.rglob("*") if path.is_dir())):
        folder.chmod(0o755)


WRITES = """
import json, sys
from mnistdash import configs, jobs, marks, runs
from mnistdash.recipes import RECIPES
from mnistdash.settings import Settings
settings = Settings.from_environment()
queue = jobs.Jobs(settings)
queue.adopt(runs.list_runs(settings.models))
mine = runs.load(settings.models / "mine")
said = []
for work in (
    lambda: queue.submit(configs.configure(RECIPES["softmax"], settings.models)),
    lambda: marks.put(mine, "mnist", "test", 3, marks.Mark("ambiguous")),
    lambda: runs.rename(mine, "other"),
    lambda: runs.remove(mine),
):
    try:
        work()
        said.append("")
    except configs.RunError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def test_a_folder_of_models_that_may_only_be_read(flagship, models, environment, may_only_read):
    if may_only_read and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere here")
    shutil.copytree(flagship.folder, models / "mine")
    before = sorted(path.relative_to(models) for path in models.rglob("*"))
    for folder in (models / "mine", models):
        folder.chmod(0o555)
    done = subprocess.run(
        [*may_only_read, sys.executable, "-c", WRITES],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said) == 4
    assert all("Permission denied" in sentence for sentence in said)
    assert sorted(path.relative_to(models) for path in models.rglob("*")) == before
    assert store.load_trained_run("mine", models).card.test_accuracy == flagship.card.test_accuracy


def test_a_run_stops_at_the_wish_of_a_dashboard_that_did_not_start_it(queue, models, offline):
    queue.submit(softmax(models, "long", 1000))
    until(lambda: "epoch" in kinds(models / "long"))
    JobQueue(Settings(data=None, cache=offline, models=models)).stop("long")
    until(lambda: store.load_run(models / "long").status == "stopped")
    assert store.load_trained_run("long", models).reason == ""


def test_a_clock_that_is_set_back_changes_nothing_about_a_run(queue, models, monkeypatch):
    queue.submit(softmax(models, "long", 1000))
    until(lambda: "batch" in kinds(models / "long"))
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)  # in 1970
    for path in models.rglob("*"):
        os.utime(path, (1_000_000, 1_000_000))
    assert store.load_run(models / "long").status == "running"
    queue.submit(softmax(models, "next", 1))
    assert store.load_run(models / "next").status == queue.state("next") == "queued"
    queue.stop("long")
    until(lambda: store.load_run(models / "long").status == "stopped")
    until(lambda: store.load_run(models / "next").status == "finished")
    elapsed = [event["elapsed"] for event in read_events(models / "next")[0] if event["event"] != "begun"]
    assert elapsed == sorted(elapsed)


def test_a_data_file_altered_after_it_was_verified_is_told_on_the_run(mnist, models, tmp_path, environment):
    """The dashboard has MNIST in memory; the process that trains reads the files once more."""
    for path in Path(mnist.source).glob("*ubyte*"):
        shutil.copyfile(path, tmp_path / path.name)
    altered = next(tmp_path.glob("train-labels*"))
    content = bytearray(altered.read_bytes())
    content[-5] ^= 1
    altered.write_bytes(content)
    environment |= {"MNISTDASH_DATA": str(tmp_path)}
    store.create_run(softmax(models, "mine", 1), models)
    command = [sys.executable, "-m", "mnistdash", "train", "--supervised", "mine"]
    child = subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE)
    assert child.wait(SECONDS) == 0
    child.stdin.close()
    so_far = History.from_events(read_events(models / "mine")[0])
    assert so_far.data == "sample"
    assert "train-labels" in so_far.why_sample
    assert "expected" in so_far.why_sample
    assert store.load_run(models / "mine").card.data == "sample"
