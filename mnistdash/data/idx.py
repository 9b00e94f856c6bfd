"""Read MNIST's files, which are in IDX format, and verify their contents."""

import gzip
import hashlib
import io
import zlib
from pathlib import Path

import numpy as np

from mnistdash.exceptions import DataFileError

MAX_BYTES = 50_000_000  # uncompressed; the largest file has 47,040,016


def read_verified(path: Path, sha256: str) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or not, and verify it.

    Args:
        path: of the file.
        sha256: hash of its uncompressed bytes.

    Returns:
        A read-only uint8 array.

    Raises:
        DataFileError: the file is unreadable, truncated, altered or another one.

    Source: the format is described at yann.lecun.com/exdb/mnist.
    """
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(data)) as file:
                data = file.read(MAX_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(path, "a complete gzip file", "a truncated or altered one") from error
    except OSError as error:
        raise DataFileError(path, "a readable file", error.strerror or str(error)) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DataFileError(path, f"SHA-256 {sha256} of the uncompressed bytes", f"{found} of {len(data):,} bytes")
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
