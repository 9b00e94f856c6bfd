import csv
import itertools
import json

import pytest
from run_events import FITTING, STARTED, batch, epoch

from mnistdash.runs.config import MAX_EPOCHS
from mnistdash.runs.events import FILE_NAME, EventWriter
from mnistdash.runs.history import CSV_COLUMNS, MAX_BATCHES, History, HistoryReader, epochs_csv


def test_the_phase_follows_the_events():
    phases = [("waiting", None), ("starting", STARTED), ("preparing", {"event": "preparing", "elapsed": 1.0})]
    phases += [("fitting", FITTING), ("fitting", batch(1, 5.0)), ("ended", {"event": "ended", "elapsed": 9.0})]
    events = []
    for phase, event in phases:
        events += [event] if event else []
        assert History().extended(events).phase == phase


def test_progress_counts_the_steps_reported():
    history = History().extended([STARTED, FITTING, batch(3, 6.0), epoch(1, 9.0), batch(12, 9.5)])
    assert history.step == 12
    assert history.fraction == 0.4
    assert history.epoch == 2
    assert History().extended([STARTED]).fraction == 0
    assert History().extended([STARTED]).epoch == 0


def test_time_left_excludes_building_the_graph():
    """The first step takes seconds and would make the estimate ten times too long."""
    assert History().extended([STARTED, FITTING, batch(1, 9.0)]).seconds_left is None
    history = History().extended([STARTED, FITTING, batch(1, 9.0), batch(11, 10.0)])
    assert history.seconds_left == pytest.approx(1.9)


def test_an_interrupted_epoch_ends_at_a_fraction():
    history = History().extended([STARTED, FITTING, epoch(1, 9.0), {**epoch(2, 10.0), "step": 15}])
    assert [history.position(event) for event in history.epochs] == [1.0, 1.5]


def test_speed_is_the_last_reported():
    events = [STARTED, FITTING, batch(1, 6.0, 100.0), epoch(1, 9.0), batch(12, 10.0, 700.0)]
    assert History().extended(events).last_report.images_per_second == 700.0


def test_the_best_epoch_is_the_last_improvement():
    events = [STARTED, FITTING, epoch(1, 9.0), epoch(2, 12.0), epoch(3, 15.0, best=False)]
    assert History().extended(events).best_epoch.epoch == 2
    assert History().extended(events[:2]).best_epoch is None


def test_the_learning_rate_is_the_last_reported_and_old_runs_have_none():
    assert History().extended([STARTED, FITTING, batch(1, 5.0)]).last_report.learning_rate is None
    reports = [{**batch(step, 5.0 + step), "learning_rate": rate} for step, rate in ((1, 0.1), (2, 0.2))]
    assert History().extended([STARTED, FITTING, *reports]).last_report.learning_rate == 0.2


def test_epochs_are_exported_as_csv():
    events = [STARTED, FITTING, batch(5, 6.0), {**epoch(1, 9.0), "val_loss": 0.25}, epoch(2, 12.0, best=False)]
    first, second = csv.DictReader(epochs_csv(History().extended(events)).splitlines())
    assert list(first) == list(CSV_COLUMNS)
    assert (first["epoch"], first["val_loss"], first["best"]) == ("1", "0.25", "True")
    assert (second["step"], second["elapsed"], second["learning_rate"]) == ("20", "12.0", "")
    assert epochs_csv(History()) == ",".join(CSV_COLUMNS) + "\n"


def test_the_first_estimate_never_changes():
    """The refresh interval of the page depends on it and must not fluctuate."""
    steady = [batch(step, 5.0 + step) for step in range(1, 8)]
    events = [STARTED, FITTING, *steady]
    estimate = History().extended(events).first_estimate
    assert estimate == pytest.approx(History().extended(events).steps)
    assert History().extended([*events, batch(8, 500.0)]).first_estimate == estimate
    assert History().extended([STARTED, FITTING, steady[0]]).first_estimate is None


@pytest.mark.parametrize(
    "invalid",
    [
        {"event": "batch", "elapsed": 1.0},
        {**batch(2, 7.0), "step": "2"},
        {**batch(2, 7.0), "step": 10**400},
        {**batch(2, 7.0), "elapsed": float("nan")},
        {**batch(2, 7.0), "accuracy": 7},
        {**epoch(1, 7.0), "best": "yes"},
        {**FITTING, "batch_size": 0},
        {**FITTING, "examples": True},
    ],
)
def test_an_invalid_event_is_skipped(invalid):
    """The rest of a damaged or untrusted file stays visible."""
    valid = [STARTED, FITTING, batch(1, 6.0), epoch(1, 9.0)]
    assert History().extended([*valid[:3], invalid, *valid[3:]]) == History().extended(valid)


@pytest.mark.parametrize("count", [1, 2, 499, 500, 501, 502, 1_000, 1_001, 1_003, 7_777])
def test_a_long_run_keeps_evenly_spaced_batches_with_the_first_and_the_last(count):
    history = History().extended([FITTING, *(batch(step, float(step)) for step in range(1, count + 1))])
    steps = [event.step for event in history.batches]
    assert history.batch_count == count
    assert min(count, MAX_BATCHES / 2) <= len(steps) <= MAX_BATCHES
    assert (steps[0], steps[-1]) == (1, count)
    gaps = {later - earlier for earlier, later in itertools.pairwise(steps[:-1])}
    assert len(gaps) <= 1


def test_epochs_are_bounded():
    """The events of a restored run are untrusted."""
    events = [{**epoch(1, 9.0), "epoch": number} for number in range(1, MAX_EPOCHS + 50)]
    assert len(History().extended(events).epochs) == MAX_EPOCHS


def test_a_history_extended_in_parts_equals_one_of_all_events():
    events = [STARTED, FITTING, *(batch(step, float(step)) for step in range(1, 1_300)), epoch(1, 2_000.0)]
    growing = History()
    for start in range(0, len(events), 101):
        before = growing
        growing = before.extended(events[start : start + 101])
        assert before == History().extended(events[:start]), "extending does not change the original"
    assert growing == History().extended(events)


def test_a_reader_follows_a_run(tmp_path):
    reader = HistoryReader(tmp_path)
    assert reader.read() == History()
    path, writer = tmp_path / FILE_NAME, EventWriter(tmp_path)
    events = [STARTED, FITTING, *(batch(step, float(step)) for step in range(1, 30))]
    for number, event in enumerate(events, start=1):
        writer.write(**event)
        with path.open("ab") as file:
            file.write(b'{"event": "batch", "step":')  # the next event, half-written
        assert reader.read() == History().extended(events[:number])
        path.write_bytes(path.read_bytes().rpartition(b"\n")[0] + b"\n")
    assert reader.read() == History().extended(events)


def test_a_reader_skips_lines_longer_than_any_event(tmp_path, monkeypatch):
    monkeypatch.setattr("mnistdash.runs.history.CHUNK_BYTES", 1_000)
    lines = [json.dumps(event) for event in (STARTED, FITTING, batch(1, 6.0))]
    (tmp_path / FILE_NAME).write_text("\n".join([*lines[:2], 5_000 * "x", lines[2], ""]))
    assert HistoryReader(tmp_path).read() == History().extended([STARTED, FITTING, batch(1, 6.0)])
