import threading

import pytest

from mnistdash import marks
from mnistdash.configs import RunError
from mnistdash.marks import Mark


def test_marks_are_kept_for_each_data_set_and_split(flagship):
    assert marks.read(flagship, "mnist", "test") == {}
    marks.put(flagship, "mnist", "test", 17, Mark("bad label", "a 7, really"))
    marks.put(flagship, "mnist", "test", 4, Mark(note="look again"))
    marks.put(flagship, "mnist", "train", 17, Mark("ambiguous"))
    assert marks.read(flagship, "mnist", "test") == {17: Mark("bad label", "a 7, really"), 4: Mark("", "look again")}
    assert marks.read(flagship, "mnist", "train") == {17: Mark("ambiguous", "")}
    assert marks.read(flagship, "sample", "test") == {}


def test_an_empty_mark_takes_it_away(flagship):
    marks.put(flagship, "mnist", "test", 17, Mark("ambiguous"))
    marks.put(flagship, "mnist", "test", 17, Mark())
    assert marks.read(flagship, "mnist", "test") == {}


def test_a_long_note_is_cut(flagship):
    marks.put(flagship, "mnist", "test", 1, Mark(note=2_000 * "x"))
    assert len(marks.read(flagship, "mnist", "test")[1].note) == marks.LONGEST


def test_many_at_once_lose_nothing(flagship):
    threads = [
        threading.Thread(target=marks.put, args=(flagship, "mnist", "test", index, Mark("ambiguous")))
        for index in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(marks.read(flagship, "mnist", "test")) == list(range(20))


@pytest.mark.parametrize("content", ["not json", "[]", '{"mnist": 3}', '{"mnist": {"test": {"x": {}}}}'])
def test_a_damaged_file_is_named_and_not_overwritten(flagship, content):
    (flagship.folder / marks.FILE).write_text(content)
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        marks.read(flagship, "mnist", "test")
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        marks.put(flagship, "mnist", "test", 1, Mark("ambiguous"))
    assert (flagship.folder / marks.FILE).read_text() == content


def test_a_folder_that_cannot_be_written_to_is_told(flagship, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(marks, "write_json", fail)
    with pytest.raises(RunError, match=r"cannot be kept in .*: Permission denied"):
        marks.put(flagship, "mnist", "test", 1, Mark("ambiguous"))
