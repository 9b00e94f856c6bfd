import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from idx_files import idx_bytes, sha256

from mnistdash.data.idx import IdxFile, parse_idx, read_verified
from mnistdash.exceptions import DataFileError

IMAGES = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
LABELS = np.array([3, 7], np.uint8)
PATH = Path("some-file")


def described(array: np.ndarray) -> IdxFile:
    return IdxFile("some-file", array.shape, sha256(idx_bytes(array)), "", 0)


@pytest.mark.parametrize("array", [IMAGES, LABELS], ids=["images", "labels"])
def test_parse_idx_returns_the_array_read_only(array):
    parsed = parse_idx(idx_bytes(array), PATH)
    assert parsed.dtype == np.uint8
    assert np.array_equal(parsed, array)
    assert not parsed.flags.writeable


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "0 bytes"),
        (b"<html>no such file</html>", "magic number"),
        (struct.pack(">2i", 2051, 2), "8 bytes"),
        (idx_bytes(IMAGES)[:-1], "1,583 bytes"),
        (idx_bytes(IMAGES) + b"x", "1,585 bytes"),
        (struct.pack(">2i", 2049, -5), "8 bytes"),
        (struct.pack(">i", 2052) + bytes(100), "magic number 2052"),
    ],
    ids=["empty", "html", "truncated header", "truncated data", "too long", "negative size", "other type"],
)
def test_parse_idx_names_the_defect(data, found):
    with pytest.raises(DataFileError, match=f"some-file: expected .*found {found}"):
        parse_idx(data, PATH)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_read_verified_reads_plain_and_gzipped_files(tmp_path, pack):
    path = tmp_path / "some-file"
    path.write_bytes(pack(idx_bytes(IMAGES)))
    assert np.array_equal(read_verified(path, described(IMAGES)), IMAGES)


def test_altered_pixel_is_detected(tmp_path):
    altered = IMAGES.copy()
    altered[1, 14, 14] ^= 1
    path = tmp_path / "some-file"
    path.write_bytes(idx_bytes(altered))
    expected = described(IMAGES)
    with pytest.raises(DataFileError, match=f"expected SHA-256 {expected.sha256}.*found {described(altered).sha256}"):
        read_verified(path, expected)


def test_labels_named_like_images_are_detected(tmp_path):
    path = tmp_path / "some-file"
    path.write_bytes(idx_bytes(LABELS))
    with pytest.raises(DataFileError, match="expected 2 x 28 x 28 values, found 2"):
        read_verified(path, described(IMAGES))


def test_test_images_named_like_training_images_are_detected(tmp_path):
    path = tmp_path / "some-file"
    path.write_bytes(idx_bytes(IMAGES[:1]))
    with pytest.raises(DataFileError, match="expected 2 x 28 x 28 values, found 1 x 28 x 28"):
        read_verified(path, described(IMAGES))


def test_truncated_gzip_file_is_detected(tmp_path):
    path = tmp_path / "some-file"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES))[:-20])
    with pytest.raises(DataFileError, match="expected a complete gzip file, found a truncated or altered one"):
        read_verified(path, described(IMAGES))
