import json
import threading

import pytest

from mnistdash.runs import events
from mnistdash.runs.events import EventWriter


def test_events_are_read_in_order(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write("started", pid=1)
    writer.write("batch", step=5, loss=0.25)
    found, _ = events.read_events(tmp_path)
    assert [event["event"] for event in found] == ["started", "batch"]
    assert found[1]["loss"] == 0.25
    assert 0 <= found[0]["elapsed"] <= found[1]["elapsed"]


def test_reading_continues_at_an_offset(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write("batch", step=1)
    _, offset = events.read_events(tmp_path)
    writer.write("batch", step=2)
    found, offset = events.read_events(tmp_path, offset)
    assert [event["step"] for event in found] == [2]
    assert events.read_events(tmp_path, offset) == ([], offset)


def test_an_incomplete_line_is_read_later(tmp_path):
    """The writer may be in the middle of a line."""
    path = tmp_path / events.FILE_NAME
    path.write_text('{"event": "a"}\n{"event": "b')
    found, offset = events.read_events(tmp_path)
    assert [event["event"] for event in found] == ["a"]
    with path.open("a") as file:
        file.write('"}\n')
    found, _ = events.read_events(tmp_path, offset)
    assert [event["event"] for event in found] == ["b"]


def test_lines_that_are_not_events_are_skipped(tmp_path):
    (tmp_path / events.FILE_NAME).write_bytes(b'\x00\x00\n[1]\n{"no": "event"}\n{"event": 3}\n{"event": "a"}\n')
    found, _ = events.read_events(tmp_path)
    assert [event["event"] for event in found] == ["a"]


def test_events_are_read_in_parts(tmp_path):
    writer = EventWriter(tmp_path)
    for step in range(20):
        writer.write("batch", step=step)
    steps, offset = [], 0
    while found := events.read_events(tmp_path, offset, 200)[0]:
        assert 1 <= len(found) <= 5
        steps += [event["step"] for event in found]
        offset = events.read_events(tmp_path, offset, 200)[1]
    assert steps == list(range(20))


def test_a_run_without_an_events_file_has_no_events(tmp_path):
    assert events.read_events(tmp_path) == ([], 0)
    assert events.last_event(tmp_path) is None


@pytest.mark.parametrize("count", [1, 2, 2000])
def test_the_last_event_is_found_in_a_file_of_any_size(tmp_path, count):
    writer = EventWriter(tmp_path)
    for number in range(count):
        writer.write("batch", number=number, padding="x" * 50)
    assert events.last_event(tmp_path)["number"] == count - 1


def test_numbers_that_are_not_finite_become_null(tmp_path):
    """JSON has no NaN."""
    EventWriter(tmp_path).write("epoch", loss=float("nan"), accuracy=float("inf"))
    record = json.loads((tmp_path / events.FILE_NAME).read_text())
    assert record["loss"] is None
    assert record["accuracy"] is None


def test_two_writers_never_mix_their_lines(tmp_path):
    """The training process and the dashboard may write at the same time."""

    def write_many(name: str) -> None:
        writer = EventWriter(tmp_path)
        for _ in range(200):
            writer.write(name, padding="x" * 500)

    threads = [threading.Thread(target=write_many, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found, _ = events.read_events(tmp_path)
    assert sorted(event["event"] for event in found) == ["a"] * 200 + ["b"] * 200
