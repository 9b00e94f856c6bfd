"""Small IDX files shaped like MNIST, for tests that find, download and verify them."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np

from mnistdash.data import mnist


def idx_bytes(array: np.ndarray) -> bytes:
    """Return an array of unsigned bytes in IDX format."""
    magic = 2051 if array.ndim == 3 else 2049
    return struct.pack(f">{1 + array.ndim}i", magic, *array.shape) + array.tobytes()


def contents() -> dict[str, bytes]:
    """Return four uncompressed files: 30 training digits, 10 test digits."""
    random = np.random.default_rng(0)
    arrays = [
        random.integers(0, 256, (30, 28, 28), np.uint8),
        np.arange(30, dtype=np.uint8) % 10,
        random.integers(0, 256, (10, 28, 28), np.uint8),
        np.arange(10, dtype=np.uint8),
    ]
    return {name: idx_bytes(array) for name, array in zip(mnist.FILES, arrays, strict=True)}


def compressed(data: bytes) -> bytes:
    """Return gzipped bytes without a time stamp."""
    return gzip.compress(data, mtime=0)


def hashes(files: dict[str, bytes]) -> dict[str, str]:
    """Return the hashes of these files, in place of `mnist.FILES`."""
    return {name: sha256(data) for name, data in files.items()}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(folder: Path, files: dict[str, bytes], gzipped: bool = True) -> None:
    """Write the files into a folder, as `<name>.gz` or plain."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if gzipped:
            (folder / f"{name}.gz").write_bytes(compressed(data))
        else:
            (folder / name).write_bytes(data)
