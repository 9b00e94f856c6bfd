from types import SimpleNamespace

import pytest
from run_events import FITTING, STARTED, batch

from mnistdash.runs import store
from mnistdash.ui import resources
from mnistdash.ui.train.live import UPDATE_IDLE, UPDATE_LONGEST, UPDATE_SHORTEST, UPDATE_START, update_interval

RUNNING = {**STARTED, "running": True}


@pytest.mark.parametrize(
    ("steps", "watchers", "expected"),
    [(30, 1, UPDATE_SHORTEST), (1_000, 1, 7), (1_000, 2, UPDATE_LONGEST), (1_000_000, 1, UPDATE_LONGEST)],
)
def test_long_runs_and_runs_with_more_viewers_are_updated_less_often(monkeypatch, make_run, steps, watchers, expected):
    """Updates slow down training; here, a step takes 0.4 seconds."""
    batches = [batch(step, 5 + 0.4 * step) for step in range(1, 8)]
    run = store.load_run(make_run("run", events=[RUNNING, {**FITTING, "steps": steps}, *batches]))
    monkeypatch.setattr(resources, "watchers", lambda name: watchers)
    monkeypatch.setattr(resources, "jobs", lambda: SimpleNamespace(state=lambda run: "running"))
    assert update_interval("run", [run]) == expected


def test_a_run_is_updated_often_until_its_first_point(monkeypatch, make_run):
    run = store.load_run(make_run("run", events=[RUNNING]))
    monkeypatch.setattr(resources, "watchers", lambda name: 1)
    monkeypatch.setattr(resources, "jobs", lambda: SimpleNamespace(state=lambda run: "running"))
    assert update_interval("run", [run]) == UPDATE_START


def test_ended_runs_are_updated_rarely_unless_another_is_active(make_run):
    ended = {"event": "ended", "elapsed": 5.0, "status": "stopped", "reason": ""}
    old = store.load_run(make_run("old", events=[STARTED, ended]))
    assert update_interval("old", [old]) == UPDATE_IDLE
    active = store.load_run(make_run("active", events=[RUNNING]))
    assert update_interval("old", [old, active]) == UPDATE_SHORTEST
