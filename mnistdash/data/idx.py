"""Read MNIST's files, which are in IDX format, and verify their contents."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistdash.exceptions import DataFileError


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


def read_verified(path: Path, file: IdxFile) -> np.ndarray:
    """Read an IDX file, gzipped or not, and verify that it is `file`.

    Returns:
        A read-only uint8 array of shape `file.shape`.

    Raises:
        DataFileError: the file is unreadable, truncated, altered or another one.

    Source: the format is described at yann.lecun.com/exdb/mnist.
    """
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(path, "a complete gzip file", "a truncated or altered one") from error
    except OSError as error:
        raise DataFileError(path, "a readable file", error.strerror or str(error)) from error
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != file.sha256:
        raise DataFileError(
            path, f"SHA-256 {file.sha256} of the uncompressed bytes", f"{sha256} of {len(data):,} bytes"
        )
    header_bytes = 4 + 4 * len(file.shape)  # a magic number and the shape
    return np.frombuffer(data, np.uint8, offset=header_bytes).reshape(file.shape)
