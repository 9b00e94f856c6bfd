"""The IDX format that MNIST is published in: parse a file, and verify that it is the one it is named after."""

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistdash.exceptions import DataFileError

IMAGES, LABELS = 2051, 2049  # the magic numbers that IDX files of bytes begin with
KINDS = {IMAGES: "images", LABELS: "labels"}


@dataclass(frozen=True)
class IdxFile:
    """One published file: its name, shape, and the SHA-256 of its uncompressed bytes."""

    name: str
    shape: tuple[int, ...]
    sha256: str
    download: int  # bytes, compressed, as the mirrors serve it

    @property
    def magic(self) -> int:
        return IMAGES if len(self.shape) == 3 else LABELS


def parse_idx(data: bytes, path: Path) -> np.ndarray:
    """Parse an IDX file of unsigned bytes.

    Args:
        data: the whole file, uncompressed.
        path: what to name in errors.

    Returns:
        A read-only uint8 view of `data`, of the shape that the header gives.

    Raises:
        DataFileError: the data is truncated, too long, or not in this format.

    Source: the format is described at yann.lecun.com/exdb/mnist.
    """
    if len(data) < 4:
        raise DataFileError(path, "an IDX file", f"{len(data)} bytes")
    (magic,) = struct.unpack_from(">i", data)
    if magic not in KINDS:
        expected = "an IDX file (magic number 2051 for images, 2049 for labels)"
        raise DataFileError(path, expected, f"magic number {magic}")
    sizes = 3 if magic == IMAGES else 1
    header = 4 + 4 * sizes
    if len(data) < header:
        raise DataFileError(path, f"an IDX header of {header} bytes", f"{len(data)} bytes")
    shape = struct.unpack_from(f">{sizes}i", data, 4)
    length = header + math.prod(shape)
    if min(shape) < 0 or len(data) != length:
        raise DataFileError(path, f"{length:,} bytes for {_by(shape)} values", f"{len(data):,} bytes")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def read_verified(path: Path, file: IdxFile) -> np.ndarray:
    """Read an IDX file, gzipped or not, that must be `file`.

    Returns:
        A read-only uint8 array of shape `file.shape`.

    Raises:
        DataFileError: it is truncated, altered, or another file under this name.
    """
    data = _uncompressed(path)
    array = parse_idx(data, path)
    magic = IMAGES if array.ndim == 3 else LABELS
    if magic != file.magic:
        expected, found = (f"{KINDS[m]} (magic number {m})" for m in (file.magic, magic))
        raise DataFileError(path, expected, found)
    if array.shape != file.shape:
        raise DataFileError(path, f"{_by(file.shape)} values", _by(array.shape))
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != file.sha256:
        raise DataFileError(path, f"SHA-256 {file.sha256} of the uncompressed bytes", sha256)
    return array


def _uncompressed(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(path, "a whole gzip file", "a truncated or altered one") from error
    except OSError as error:
        raise DataFileError(path, "a readable file", error.strerror or str(error)) from error


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
