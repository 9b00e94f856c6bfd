"""Small IDX files with MNIST's names, for tests of lookup, download and verification."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np

from mnistdash.data import mnist
from mnistdash.data.idx import IdxFile


def idx_bytes(array: np.ndarray) -> bytes:
    """Encode an array of unsigned bytes in IDX format."""
    magic = 2051 if array.ndim == 3 else 2049
    return struct.pack(f">{1 + array.ndim}i", magic, *array.shape) + array.tobytes()


def contents() -> dict[str, bytes]:
    """Return four uncompressed files: 30 training images and 10 test images."""
    random = np.random.default_rng(0)
    arrays = [
        random.integers(0, 256, (30, 28, 28), np.uint8),
        np.arange(30, dtype=np.uint8) % 10,
        random.integers(0, 256, (10, 28, 28), np.uint8),
        np.arange(10, dtype=np.uint8),
    ]
    return {file.name: idx_bytes(array) for file, array in zip(mnist.FILES, arrays, strict=True)}


def described(files: dict[str, bytes]) -> tuple[IdxFile, ...]:
    """Return the entries of `mnist.FILES` for these files."""
    shapes = ((30, 28, 28), (30,), (10, 28, 28), (10,))
    return tuple(
        IdxFile(name, shape, hashlib.sha256(data).hexdigest(), len(gzip.compress(data)))
        for (name, data), shape in zip(files.items(), shapes, strict=True)
    )


def write(folder: Path, files: dict[str, bytes], compressed: bool = True) -> None:
    """Write the files to a folder, gzipped or plain."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)
