"""Real faults: killed processes, full disks, folders without write permission."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waiting import until

from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import store
from mnistdash.runs.config import RunConfig, configure, resume_config
from mnistdash.runs.events import EventWriter, read_events
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import PROJECT, Settings

PATIENCE = 600  # seconds; workers have the lowest priority, and the machine may be busy


def softmax(models: Path, name: str, epochs: int) -> RunConfig:
    return configure(RECIPES["softmax"], models, name=name, epochs=epochs)


def has_epoch(folder: Path) -> bool:
    return any(event["event"] == "epoch" for event in read_events(folder)[0])


@pytest.fixture
def queue(models, offline) -> Iterator[JobQueue]:
    """Yield a queue with real workers and the offline sample."""
    queue = JobQueue(Settings(data=None, cache=offline, models=models, stand_by=False))
    yield queue
    queue.close()


@pytest.mark.slow
def test_a_killed_run_names_the_signal_and_continues_from_its_best_weights(queue, models):
    queue.submit(softmax(models, "long", 1000))
    until(lambda: has_epoch(models / "long"), PATIENCE)
    os.kill(read_events(models / "long")[0][0]["pid"], signal.SIGKILL)
    # The reason is a different one until the queue has the exit status.
    until(lambda: "killed by SIGKILL, probably because memory ran out" in store.load_run(models / "long").reason)
    assert store.load_run(models / "long").status == "failed"
    config = resume_config(store.load_run(models / "long").config, models, epochs=1, learning_rate=0.01)
    queue.submit(config)
    until(lambda: store.load_run(models / config.name).status == "finished", PATIENCE)
    assert store.load_trained_run(config.name, models).card.validation_accuracy > 0.7


@pytest.mark.slow
def test_a_run_saves_its_best_weights_when_its_dashboard_ends(queue, models):
    queue.submit(softmax(models, "long", 1000))
    until(lambda: has_epoch(models / "long"), PATIENCE)
    queue.close()
    run = store.load_trained_run("long", models)
    assert (run.status, run.reason) == ("stopped", "The dashboard that started it has ended.")


def limited(size: int) -> Callable[[], None]:
    """Return a function that limits the size of written files, which imitates a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "sentence"),
    [
        (150, "The run cannot be stored in"),  # too small for the settings
        (20_000, "The disk is full (File too large). Free some space"),  # too small for the model
    ],
)
def test_a_full_disk_fails_a_run_in_one_sentence_and_leaves_no_partial_file(
    models, offline, environment, room, sentence
):
    command = [sys.executable, "-m", "mnistdash", "train", "--recipe", "softmax", "--epochs", "1", "--name", "full"]
    done = subprocess.run(
        [*command, "--limit", "200"],
        cwd=PROJECT,
        env={name: value for name, value in environment.items() if not name.startswith("COVERAGE_")},  # has no room
        preexec_fn=limited(room),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert sentence in done.stderr.splitlines()[-1]
    assert (models / "full").exists() == (room > 150)
    for run in store.list_runs(models):
        assert run.status == "failed"
        assert run.reason
        assert run.card is None
        assert not list(run.folder.glob(".writing-*"))


def test_a_truncated_event_does_not_damage_the_next_one(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write("batch", step=1)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "events.jsonl").stat().st_size + 10, unlimited[1]))
    try:
        with pytest.raises(OSError, match="No space left"):
            writer.write("epoch", step=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    writer.write("batch", step=2)
    assert [event["step"] for event in read_events(tmp_path)[0]] == [1, 2]


@pytest.fixture
def without_root(models) -> Iterator[list[str]]:
    """Yield a command prefix that drops root's write privileges, and restore permissions afterwards."""
    yield ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    for folder in (models, *(path for path in models.rglob("*") if path.is_dir())):
        folder.chmod(0o755)


WRITES = """
import json, time
from mnistdash.exceptions import RunError
from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import annotations, store
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import Settings
settings = Settings.from_environment()
queue = JobQueue(settings)
queue.start()
mine = store.load_run(settings.models / "mine")
said = []
for write in (
    lambda: queue.submit(configure(RECIPES["softmax"], settings.models)),
    lambda: annotations.save_annotation(mine, "mnist", "test", 3, annotations.Annotation("ambiguous")),
    lambda: store.rename_run(mine, "other"),
    lambda: store.remove_run(mine),
):
    try:
        write()
        said.append("")
    except RunError as error:
        said.append(str(error))
queue.stop("mine")
print(json.dumps([said, queue.notice()]))
"""


@pytest.mark.slow
def test_a_read_only_models_folder_is_never_changed(flagship, models, environment, without_root):
    if without_root and shutil.which("setpriv") is None:
        pytest.skip("root can write to any folder")
    shutil.copytree(flagship.folder, models / "mine")
    before = sorted(path.relative_to(models) for path in models.rglob("*"))
    for folder in (models / "mine", models):
        folder.chmod(0o555)
    done = subprocess.run(
        [*without_root, sys.executable, "-c", WRITES],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said, notice = json.loads(done.stdout)
    assert len(said) == 4
    assert all("Permission denied" in sentence for sentence in said)
    assert notice is None
    assert sorted(path.relative_to(models) for path in models.rglob("*")) == before
    assert store.load_trained_run("mine", models).card.test_accuracy == flagship.card.test_accuracy
