"""Parse the IDX format of MNIST's files, and verify their contents."""

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistdash.exceptions import DataFileError

DIMENSIONS = {2051: 3, 2049: 1}  # by magic number: images and labels, of unsigned bytes


@dataclass(frozen=True)
class IdxFile:
    """A published file.

    Attributes:
        name: without ".gz".
        shape: of its array.
        sha256: of the uncompressed bytes.
        gz_sha256, gz_bytes: hash and size of the compressed file on the mirrors.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str
    gz_sha256: str
    gz_bytes: int


def parse_idx(data: bytes, path: Path) -> np.ndarray:
    """Parse an IDX file of unsigned bytes.

    Args:
        data: the whole file, uncompressed.
        path: of the file, for error messages.

    Returns:
        A read-only uint8 view of `data`, in the shape given by its header.

    Raises:
        DataFileError: the data is truncated, too long, or not in this format.

    Source: the format is described at yann.lecun.com/exdb/mnist.
    """
    if len(data) < 4:
        raise DataFileError(path, "an IDX file", f"{len(data)} bytes")
    (magic,) = struct.unpack_from(">i", data)
    if magic not in DIMENSIONS:
        expected = "an IDX file (magic number 2051 for images, 2049 for labels)"
        raise DataFileError(path, expected, f"magic number {magic}")
    header = 4 + 4 * DIMENSIONS[magic]
    if len(data) < header:
        raise DataFileError(path, f"an IDX header of {header} bytes", f"{len(data)} bytes")
    shape = struct.unpack_from(f">{DIMENSIONS[magic]}i", data, 4)
    size = header + math.prod(shape)
    if min(shape) < 0 or len(data) != size:
        raise DataFileError(path, f"{size:,} bytes for {_format(shape)} values", f"{len(data):,} bytes")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def read_verified(path: Path, file: IdxFile) -> np.ndarray:
    """Read an IDX file, gzipped or not, and verify that it is `file`.

    Returns:
        A read-only uint8 array of shape `file.shape`.

    Raises:
        DataFileError: the file is unreadable, truncated, altered or another one.
    """
    data = _read_uncompressed(path)
    array = parse_idx(data, path)
    if array.shape != file.shape:
        raise DataFileError(path, f"{_format(file.shape)} values", _format(array.shape))
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != file.sha256:
        raise DataFileError(path, f"SHA-256 {file.sha256} of the uncompressed bytes", sha256)
    return array


def _read_uncompressed(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(path, "a complete gzip file", "a truncated or altered one") from error
    except OSError as error:
        raise DataFileError(path, "a readable file", error.strerror or str(error)) from error


def _format(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
