"""Fixtures for all tests, the choice between the fast and the full suite, and one line on tests left out."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import left_out
import numpy as np
import pytest

from mnistdash.data import dataset
from mnistdash.data.mnist import find_files, load_mnist
from mnistdash.data.sample import load_sample
from mnistdash.exceptions import DataError
from mnistdash.runs import recipes, store
from mnistdash.runs.config import configure
from mnistdash.runs.run import LOCK, Run
from mnistdash.settings import PROJECT, Settings
from mnistdash.system.locks import ProcessLock

# Each test process, and each process that a test starts, has one core to itself.
os.environ |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "MNISTDASH_THREADS": "1"}
os.environ["no_proxy"] = "localhost,127.0.0.1"  # tests start servers on this machine, which may be behind a proxy


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="also run slow tests and those that need MNIST or Chromium")


# The slowest files first, or one process would finish with them alone while the other is idle. Browser files alternate
# with others, because two browsers slow each other down.
SLOWEST = (
    *("browser/test_train.py", "training/test_loop.py", "browser/test_draw.py", "faults/", "browser/test_errors.py"),
    *("cli/", "browser/test_every_page.py", "app/"),
)


def pytest_collection_modifyitems(config, items):
    for item in items:
        is_browser = item.path.parent.name == "browser" and item.get_closest_marker("smoke") is None
        if is_browser or "mnist" in item.fixturenames:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow") and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason=f"{left_out.NEEDS}--full"))

    def rank(item: pytest.Item) -> int:
        return next((number for number, part in enumerate(SLOWEST) if f"/{part}" in item.path.as_posix()), len(SLOWEST))

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter):
    if line := left_out.summary(terminalreporter.getreports("skipped")):
        terminalreporter.write_line(line)


@pytest.fixture
def old_run(models) -> Run:
    """A finished run of the offline sample, stored by version 0.1.0, with all files that a run can have."""
    shutil.copytree(PROJECT / "tests" / "support" / "old_run", models / "old-softmax")
    return store.load_run(models / "old-softmax")


def _without_download() -> dataset.Dataset | None:
    settings = Settings.from_environment()
    for folder in (settings.data, settings.cache):
        if folder is not None and find_files(folder):
            try:
                return load_mnist(Settings(data=folder, cache=folder, models=folder))
            except DataError:
                continue
    return None


@pytest.fixture(scope="session")
def mnist_or_none() -> dataset.Dataset | None:
    """Real MNIST, if this machine has it."""
    return _without_download()


@pytest.fixture
def mnist(mnist_or_none) -> dataset.Dataset:
    """Real MNIST; the test is left out where this machine has none."""
    if mnist_or_none is None:
        left_out.leave_out("MNIST")
    return mnist_or_none


@pytest.fixture(scope="session")
def sample() -> dataset.Dataset:
    """The offline sample."""
    return load_sample()


@pytest.fixture
def offline(monkeypatch, tmp_path) -> Path:
    """No MNIST on this machine and no mirror in reach; returns the empty cache."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))  # for child processes
    monkeypatch.setenv("HOME", str(cache))  # the same on a Mac
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: cache / name)
    monkeypatch.delenv("MNISTDASH_DATA", raising=False)
    # Nothing listens on port 1, for this process and for its children.
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    return cache / "mnistdash"


@pytest.fixture
def models(monkeypatch, tmp_path) -> Path:
    """An empty folder for models, which MNISTDASH_MODELS names."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("MNISTDASH_MODELS", str(folder))
    return folder


@pytest.fixture
def flagship(models) -> Run:
    """The shipped model, copied into `models`."""
    shutil.copytree(
        PROJECT / "models" / "flagship", models / "flagship", ignore=shutil.ignore_patterns("analysis", "marks.json")
    )
    return store.load_run(models / "flagship")


@pytest.fixture
def make_run(models):
    """Make a run's folder from parts: make_run("name", events=[...], card={...}).

    This process holds the lock of a run that has an event with `"running": True`.
    """
    held = []

    def make(name: str, recipe: str = "softmax", events: list[dict] | None = None, card: dict | None = None) -> Path:
        config = configure(recipes.RECIPES[recipe], models, name=name)
        folder = store.create_run(config, models)
        if events is not None:
            (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
            if any("running" in event for event in events):
                held.append(ProcessLock(folder / LOCK))
                held[-1].acquire()
        if card is not None:
            shutil.copy(PROJECT / "models" / "flagship" / "model.tflite", folder)
            shipped = asdict(store.load_run(PROJECT / "models" / "flagship").card)
            (folder / "card.json").write_text(json.dumps({**shipped, "name": name, "recipe": recipe, **card}))
        return folder

    yield make
    for lock in held:
        lock.release()


@pytest.fixture
def drawing() -> np.ndarray:
    """A 7 in black on white, (200, 200) uint8."""
    image = np.full((200, 200), 255, np.uint8)
    image[40:56, 50:150] = 0
    for row in range(40, 170):
        middle = 142 - (row - 40) // 2
        image[row, middle - 9 : middle + 9] = 0
    return image


@pytest.fixture
def environment() -> dict[str, str]:
    """What a child process needs to find the package."""
    return {**os.environ, "PYTHONPATH": str(PROJECT)}


@pytest.fixture
def output_of(environment) -> Callable[[str], str]:
    """What a Python script prints that runs in a process of its own, without the line's end."""

    def run(script: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment, check=True
        )
        return done.stdout.strip()

    return run
