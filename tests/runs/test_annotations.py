import threading

import pytest

from mnistdash.exceptions import RunError
from mnistdash.runs import annotations
from mnistdash.runs.annotations import MAX_NOTE_CHARACTERS, Annotation, load_annotations, save_annotation


def test_annotations_are_separate_for_each_data_set_and_split(flagship):
    assert load_annotations(flagship, "mnist", "test") == {}
    save_annotation(flagship, "mnist", "test", 17, Annotation("bad label", "a 7, really"))
    save_annotation(flagship, "mnist", "test", 4, Annotation(note="look again"))
    save_annotation(flagship, "mnist", "train", 17, Annotation("ambiguous"))
    assert load_annotations(flagship, "mnist", "test") == {
        17: Annotation("bad label", "a 7, really"),
        4: Annotation("", "look again"),
    }
    assert load_annotations(flagship, "mnist", "train") == {17: Annotation("ambiguous", "")}
    assert load_annotations(flagship, "sample", "test") == {}


def test_an_empty_annotation_removes_the_existing_one(flagship):
    save_annotation(flagship, "mnist", "test", 17, Annotation("ambiguous"))
    save_annotation(flagship, "mnist", "test", 17, Annotation())
    assert load_annotations(flagship, "mnist", "test") == {}


def test_a_long_note_is_truncated(flagship):
    save_annotation(flagship, "mnist", "test", 1, Annotation(note=2_000 * "x"))
    assert len(load_annotations(flagship, "mnist", "test")[1].note) == MAX_NOTE_CHARACTERS


def test_concurrent_writers_lose_nothing(flagship):
    threads = [
        threading.Thread(target=save_annotation, args=(flagship, "mnist", "test", index, Annotation("ambiguous")))
        for index in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(load_annotations(flagship, "mnist", "test")) == list(range(20))


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[]",
        '{"mnist": 3}',
        '{"mnist": {"test": {"x": {}}}}',
        '{"mnist": {"test": {"-1": {"kind": "", "note": "x"}}}}',
        '{"mnist": {"test": {"1": {"kind": "unknown", "note": ""}}}}',
    ],
)
def test_a_damaged_file_is_named_and_not_overwritten(flagship, content):
    (flagship.folder / annotations.FILE).write_text(content)
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        load_annotations(flagship, "mnist", "test")
    with pytest.raises(RunError, match=r"marks\.json cannot be read"):
        save_annotation(flagship, "mnist", "test", 1, Annotation("ambiguous"))
    assert (flagship.folder / annotations.FILE).read_text() == content


def test_a_read_only_folder_is_reported(flagship, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(annotations, "atomic_write_json", fail)
    with pytest.raises(RunError, match=r"cannot be saved in .*: Permission denied"):
        save_annotation(flagship, "mnist", "test", 1, Annotation("ambiguous"))
