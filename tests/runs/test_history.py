import csv

import pytest
from run_events import FITTING, STARTED, batch, epoch

from mnistdash.runs.history import CSV_COLUMNS, History, epochs_csv


def test_the_phases_of_a_run():
    assert History.from_events([]).phase == "waiting"
    assert History.from_events([STARTED]).phase == "starting"
    assert History.from_events([STARTED, FITTING]).phase == "fitting"
    assert History.from_events([STARTED, {"event": "ended", "elapsed": 5.0}]).phase == "ended"


def test_progress_counts_the_steps_reported():
    history = History.from_events([STARTED, FITTING, batch(3, 6.0), epoch(1, 9.0), batch(12, 9.5)])
    assert history.step == 12
    assert history.fraction == 0.4
    assert history.epoch == 2
    assert History.from_events([STARTED]).fraction == 0
    assert History.from_events([STARTED]).epoch == 0


def test_time_left_leaves_out_the_building_of_the_graph():
    """The first step takes seconds; counting it in would promise ten times too long."""
    assert History.from_events([STARTED, FITTING, batch(1, 9.0)]).seconds_left is None
    history = History.from_events([STARTED, FITTING, batch(1, 9.0), batch(11, 10.0)])
    assert history.seconds_left == pytest.approx(1.9)


def test_an_epoch_cut_short_ends_where_it_was_cut():
    events = [STARTED, FITTING, epoch(1, 9.0), {**epoch(2, 10.0), "step": 15}]
    assert History.from_events(events).epoch_ends() == [1.0, 1.5]


def test_speed_is_the_last_reported():
    events = [STARTED, FITTING, batch(1, 6.0, 100.0), epoch(1, 9.0), batch(12, 10.0, 700.0)]
    assert History.from_events(events).images_per_second == 700.0
    assert History.from_events([]).images_per_second is None


def test_the_best_epoch_is_the_last_that_was_better_than_all_before():
    events = [STARTED, FITTING, epoch(1, 9.0), epoch(2, 12.0), epoch(3, 15.0, best=False)]
    assert History.from_events(events).best_epoch["epoch"] == 2
    assert History.from_events(events[:2]).best_epoch is None


def test_the_learning_rate_is_the_last_reported_and_runs_of_old_have_none():
    assert History.from_events([STARTED, FITTING, batch(1, 5.0)]).learning_rate is None
    reports = [{**batch(step, 5.0 + step), "learning_rate": rate} for step, rate in ((1, 0.1), (2, 0.2))]
    assert History.from_events([STARTED, FITTING, *reports]).learning_rate == 0.2


def test_the_epochs_as_comma_separated_values():
    text = epochs_csv(
        [STARTED, FITTING, batch(5, 6.0), {**epoch(1, 9.0), "val_loss": 0.25}, epoch(2, 12.0, best=False)]
    )
    first, second = csv.DictReader(text.splitlines())
    assert list(first) == list(CSV_COLUMNS)
    assert (first["epoch"], first["val_loss"], first["best"]) == ("1", "0.25", "True")
    assert (second["step"], second["elapsed"]) == ("20", "12.0")
    assert epochs_csv([]) == ",".join(CSV_COLUMNS) + "\n"


def test_the_first_estimate_of_a_run_does_not_change_later():
    """How often the page looks at a run depends on it; it must not go back and forth."""
    steady = [batch(step, 5.0 + step) for step in range(1, 8)]
    events = [STARTED, FITTING, *steady]
    estimate = History.from_events(events).first_estimate
    assert estimate == pytest.approx(History.from_events(events).steps)
    assert History.from_events([*events, batch(8, 500.0)]).first_estimate == estimate
    assert History.from_events([STARTED, FITTING, steady[0]]).first_estimate is None
