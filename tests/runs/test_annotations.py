import threading

import pytest

from mnistdash.exceptions import RunError
from mnistdash.runs import annotations
from mnistdash.runs.annotations import Annotation


def test_marks_are_kept_for_each_data_set_and_split(flagship):
    assert annotations.load_annotations(flagship, "mnist", "test") == {}
    annotations.save_annotation(flagship, "mnist", "test", 17, Annotation("bad label", "a 7, really"))
    annotations.save_annotation(flagship, "mnist", "test", 4, Annotation(note="look again"))
    annotations.save_annotation(flagship, "mnist", "train", 17, Annotation("ambiguous"))
    assert annotations.load_annotations(flagship, "mnist", "test") == {
        17: Annotation("bad label", "a 7, really"),
        4: Annotation("", "look again"),
    }
    assert annotations.load_annotations(flagship, "mnist", "train") == {17: Annotation("ambiguous", "")}
    assert annotations.load_annotations(flagship, "sample", "test") == {}


def test_an_empty_mark_takes_it_away(flagship):
    annotations.save_annotation(flagship, "mnist", "test", 17, Annotation("ambiguous"))
    annotations.save_annotation(flagship, "mnist", "test", 17, Annotation())
    assert annotations.load_annotations(flagship, "mnist", "test") == {}


def test_a_long_note_is_cut(flagship):
    annotations.save_annotation(flagship, "mnist", "test", 1, Annotation(note=2_000 * "x"))
    assert len(annotations.load_annotations(flagship, "mnist", "test")[1].note) == annotations.LONGEST


def test_many_at_once_lose_nothing(flagship):
    threads = [
        threading.Thread(
            target=annotations.save_annotation, args=(flagship, "mnist", "test", index, Annotation("ambiguous"))
        )
        for index in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(annotations.load_annotations(flagship, "mnist", "test")) == list(range(20))


@pytest.mark.parametrize("content", ["not json", "[]", '{"mnist": 3}', '{"mnist": {"test": {"x": {}}}}'])
def test_a_damaged_file_is_named_and_not_overwritten(flagship, content):
    (flagship.folder / annotations.FILE).write_text(content)
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        annotations.load_annotations(flagship, "mnist", "test")
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        annotations.save_annotation(flagship, "mnist", "test", 1, Annotation("ambiguous"))
    assert (flagship.folder / annotations.FILE).read_text() == content


def test_a_folder_that_cannot_be_written_to_is_told(flagship, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(annotations, "atomic_write_json", fail)
    with pytest.raises(RunError, match=r"cannot be kept in .*: Permission denied"):
        annotations.save_annotation(flagship, "mnist", "test", 1, Annotation("ambiguous"))
