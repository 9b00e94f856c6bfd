import errno
import os

import numpy as np
import pytest

from mnistdash.evaluation import cache

POINTS = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_saved_arrays_are_loaded_again(flagship):
    assert cache.load(flagship, "map") is None
    cache.save(flagship, "map", points=POINTS, count=3)
    loaded = cache.load(flagship, "map")
    assert loaded.keys() == {"points", "count"}
    np.testing.assert_array_equal(loaded["points"], POINTS)
    assert loaded["points"].dtype == np.float32
    assert cache.load(flagship, "other") is None


def test_arrays_are_computed_once(flagship):
    computed = []
    for _ in range(2):
        found = cache.load_or_compute(flagship, "map", lambda: computed.append(0) or {"points": POINTS})
        np.testing.assert_array_equal(found["points"], POINTS)
    assert len(computed) == 1


def test_the_cache_depends_on_the_model_and_not_on_its_file_time(flagship):
    cache.save(flagship, "map", points=POINTS)
    model = flagship.folder / "model.tflite"
    os.utime(model, (1, 1))  # as in a restored backup
    assert cache.load(flagship, "map") is not None
    model.write_bytes(model.read_bytes() + b"0")
    assert cache.load(flagship, "map") is None


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: b"no archive", lambda whole: whole[:-30]])
def test_damaged_files_are_ignored_and_replaced(flagship, damage):
    cache.save(flagship, "map", points=POINTS)
    path = flagship.folder / cache.FOLDER / "map.npz"
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load(flagship, "map") is None
    cache.save(flagship, "map", points=POINTS)
    assert cache.load(flagship, "map") is not None


def test_files_of_the_previous_version_and_pickles_are_ignored(flagship):
    path = flagship.folder / cache.FOLDER / "map.npz"
    path.parent.mkdir()
    np.savez(path, version=np.int64(flagship.version), points=POINTS)
    assert cache.load(flagship, "map") is None
    np.savez(path, key=np.array([{}]), points=POINTS)
    assert cache.load(flagship, "map") is None


def test_a_full_disk_is_not_an_error(flagship, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    cache.save(flagship, "map", points=POINTS)
    assert cache.load(flagship, "map") is None
    assert list((flagship.folder / cache.FOLDER).iterdir()) == []


def test_a_folder_that_cannot_be_created_is_not_an_error(flagship):
    (flagship.folder / cache.FOLDER).write_text("in the way")
    cache.save(flagship, "map", points=POINTS)
    assert cache.load(flagship, "map") is None
