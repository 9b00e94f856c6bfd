import gzip

import numpy as np
import pytest
from idx_files import idx_bytes, sha256

from mnistdash.data import idx
from mnistdash.data.idx import read_verified
from mnistdash.exceptions import DataFileError

IMAGES = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
LABELS = np.array([3, 7], np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("array", [IMAGES, LABELS], ids=["images", "labels"])
def test_plain_and_gzipped_files_are_read(tmp_path, pack, array):
    path = tmp_path / "some-file"
    path.write_bytes(pack(idx_bytes(array)))
    found = read_verified(path, sha256(idx_bytes(array)))
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)
    assert not found.flags.writeable


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>no such file</html>",
        idx_bytes(IMAGES)[:-1],
        idx_bytes(IMAGES) + b"x",
        idx_bytes(IMAGES)[:-1] + b"x",
        idx_bytes(IMAGES[:1]),
        idx_bytes(LABELS),
    ],
    ids=["empty", "html", "truncated", "too long", "altered", "other images", "labels"],
)
def test_changed_content_is_detected(tmp_path, data):
    path = tmp_path / "some-file"
    path.write_bytes(data)
    expected = sha256(idx_bytes(IMAGES))
    found = f"found {sha256(data)} of {len(data):,} bytes"
    with pytest.raises(DataFileError, match=f"some-file: expected SHA-256 {expected} .*, {found}"):
        read_verified(path, expected)


def test_only_so_many_bytes_are_decompressed(tmp_path, monkeypatch):
    """A mirror may serve anything."""
    monkeypatch.setattr(idx, "MAX_BYTES", 100)
    path = tmp_path / "some-file"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES)))
    with pytest.raises(DataFileError, match="of 100 bytes"):
        read_verified(path, sha256(idx_bytes(IMAGES)))


def test_truncated_gzip_file_is_detected(tmp_path):
    path = tmp_path / "some-file"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES))[:-20])
    with pytest.raises(DataFileError, match="expected a complete gzip file, found a truncated or altered one"):
        read_verified(path, sha256(idx_bytes(IMAGES)))
