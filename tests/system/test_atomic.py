import json

import pytest

from mnistdash.system.atomic import atomic_path, atomic_write_json


def test_a_file_is_written_completely(tmp_path):
    path = tmp_path / "it.json"
    atomic_write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["it.json"]


def test_a_failed_write_keeps_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "it.json"
    atomic_write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        atomic_write_json(path, {"a": object()})
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["it.json"]


def test_a_folder_can_be_written_atomically(tmp_path):
    with atomic_path(tmp_path / "saved") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("x")
    assert (tmp_path / "saved" / "part").read_text() == "x"
