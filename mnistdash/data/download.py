"""Brings MNIST's files from the mirrors into a folder, each whole and verified or not at all."""

import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from mnistdash.data.idx import IdxFile, read_verified
from mnistdash.exceptions import DataFileError, DataUnavailableError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
TIMEOUT = (5, 20)  # seconds to connect, and between two pieces of data
STALE = 3600  # seconds after which a download is taken for dead even if its process number is in use

Progress = Callable[[int, int], None]  # bytes received, bytes in all


def download_files(files: Sequence[IdxFile], cache: Path, progress: Progress | None) -> None:
    """Bring files into the cache, as `<name>.gz`.

    Args:
        files: what to fetch.
        cache: where to; made if it is not there.
        progress: called with (bytes received, bytes in all).

    Raises:
        DataUnavailableError: no mirror gave a file, or the cache cannot be written to.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        with tempfile.TemporaryDirectory(prefix=f"download-{os.getpid()}-", dir=cache) as temporary:
            received = 0
            for file in files:
                report = _Report(progress, received, sum(f.download for f in files))
                _fetch(file, Path(temporary), report).replace(cache / f"{file.name}.gz")
                received += file.download
    except OSError as error:
        raise DataUnavailableError(f"MNIST cannot be stored in {cache}: {error.strerror or error}.") from error


def _sweep(cache: Path) -> None:
    """Remove what downloads left behind whose process was killed."""
    for folder in cache.glob("download-*"):
        pid = folder.name.split("-")[1]
        if not (pid.isdigit() and psutil.pid_exists(int(pid))) or time.time() - folder.stat().st_mtime > STALE:
            shutil.rmtree(folder, ignore_errors=True)


def _fetch(file: IdxFile, folder: Path, report: "_Report") -> Path:
    import pooch  # with requests, slow to import, and needed once
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    reasons = []
    for mirror in MIRRORS:
        host = mirror.split("/")[2]
        try:
            path = pooch.retrieve(
                mirror + file.name + ".gz",
                known_hash=None,  # the sum we know is of the uncompressed bytes; it is checked below
                path=folder,
                fname=f"{host}-{file.name}.gz",
                downloader=pooch.HTTPDownloader(progressbar=report, timeout=TIMEOUT),
            )
            read_verified(Path(path), file)
            return Path(path)
        except DataFileError:
            reasons.append(f"{host} served a damaged file")
        except requests.exceptions.HTTPError as error:
            reasons.append(f"{host} answered {error.response.status_code}")
        except (requests.exceptions.RequestException, ValueError):
            reasons.append(f"{host} cannot be reached")
    raise DataUnavailableError(
        f"MNIST could not be downloaded: {' and '.join(reasons)} ({file.name}). Check the network, or set "
        "MNISTDASH_DATA to a folder with the four files."
    )


class _Report:
    """What pooch wants of a progress bar, handed on as bytes received over all files."""

    def __init__(self, progress: Progress | None, before: int, total: int):
        self._progress, self._before, self._all = progress, before, total
        self.total = 0  # of the file at hand; pooch sets it
        self._received = 0

    def update(self, size: int) -> None:
        self._received = min(self._received + size, self.total or math.inf)  # the last piece is smaller
        if self._progress is not None:
            self._progress(min(self._before + self._received, self._all), self._all)

    def reset(self) -> None:
        self._received = 0

    def close(self) -> None:
        pass
