import threading

import pytest

from mnistdash.runs import annotations
from mnistdash.runs.annotations import Mark
from mnistdash.runs.config import RunError


def test_marks_are_kept_for_each_data_set_and_split(flagship):
    assert annotations.read(flagship, "mnist", "test") == {}
    annotations.put(flagship, "mnist", "test", 17, Mark("bad label", "a 7, really"))
    annotations.put(flagship, "mnist", "test", 4, Mark(note="look again"))
    annotations.put(flagship, "mnist", "train", 17, Mark("ambiguous"))
    assert annotations.read(flagship, "mnist", "test") == {
        17: Mark("bad label", "a 7, really"),
        4: Mark("", "look again"),
    }
    assert annotations.read(flagship, "mnist", "train") == {17: Mark("ambiguous", "")}
    assert annotations.read(flagship, "sample", "test") == {}


def test_an_empty_mark_takes_it_away(flagship):
    annotations.put(flagship, "mnist", "test", 17, Mark("ambiguous"))
    annotations.put(flagship, "mnist", "test", 17, Mark())
    assert annotations.read(flagship, "mnist", "test") == {}


def test_a_long_note_is_cut(flagship):
    annotations.put(flagship, "mnist", "test", 1, Mark(note=2_000 * "x"))
    assert len(annotations.read(flagship, "mnist", "test")[1].note) == annotations.LONGEST


def test_many_at_once_lose_nothing(flagship):
    threads = [
        threading.Thread(target=annotations.put, args=(flagship, "mnist", "test", index, Mark("ambiguous")))
        for index in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(annotations.read(flagship, "mnist", "test")) == list(range(20))


@pytest.mark.parametrize("content", ["not json", "[]", '{"mnist": 3}', '{"mnist": {"test": {"x": {}}}}'])
def test_a_damaged_file_is_named_and_not_overwritten(flagship, content):
    (flagship.folder / annotations.FILE).write_text(content)
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        annotations.read(flagship, "mnist", "test")
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        annotations.put(flagship, "mnist", "test", 1, Mark("ambiguous"))
    assert (flagship.folder / annotations.FILE).read_text() == content


def test_a_folder_that_cannot_be_written_to_is_told(flagship, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(annotations, "write_json", fail)
    with pytest.raises(RunError, match=r"cannot be kept in .*: Permission denied"):
        annotations.put(flagship, "mnist", "test", 1, Mark("ambiguous"))
