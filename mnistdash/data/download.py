"""Download MNIST's files from mirrors."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mnistdash.data.idx import IdxFile
from mnistdash.exceptions import DataUnavailableError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
TIMEOUT = (5, 20)  # seconds to connect, and between two chunks of data

Progress = Callable[[int, int], None]  # bytes received, total bytes


def download_files(files: Sequence[IdxFile], cache: Path, progress: Progress | None) -> None:
    """Download files into the cache as `<name>.gz`, each complete and verified or not at all; keep intact ones.

    Args:
        files: to download.
        cache: folder; created if it does not exist.
        progress: called with (bytes received, total bytes).

    Raises:
        DataUnavailableError: no mirror served a file, or the cache cannot be written to.
    """
    total = sum(file.gz_bytes for file in files)
    received = 0
    try:
        for file in files:
            _download(file, cache, _ProgressBar(progress, received, total))
            received += file.gz_bytes
    except OSError as error:
        raise DataUnavailableError(f"MNIST cannot be stored in {cache}: {error.strerror or error}.") from error


def _download(file: IdxFile, cache: Path, bar: "_ProgressBar") -> None:
    import pooch  # slow to import with requests, and rarely needed
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    reasons = []
    for mirror in MIRRORS:
        host = mirror.split("/")[2]
        try:
            pooch.retrieve(
                f"{mirror}{file.name}.gz",
                known_hash=file.gz_sha256,
                path=cache,
                fname=f"{file.name}.gz",
                downloader=pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT),
            )
            return
        except requests.exceptions.RequestException as error:
            status = None if error.response is None else error.response.status_code
            reasons.append(f"{host} cannot be reached" if status is None else f"{host} answered {status}")
        except ValueError:
            reasons.append(f"{host} served a damaged file")
    raise DataUnavailableError(
        f"MNIST could not be downloaded: {' and '.join(reasons)} ({file.name}). Check the network, or set "
        "MNISTDASH_DATA to a folder with the four files."
    )


class _ProgressBar:
    """The progress bar of one file, in the form that pooch expects; reports the bytes of all files."""

    def __init__(self, progress: Progress | None, received_before: int, total_of_all: int) -> None:
        self.total = sys.maxsize  # bytes of this file; pooch sets it
        self._progress, self._before, self._total_of_all = progress, received_before, total_of_all
        self._received = 0

    def update(self, size: int) -> None:
        self._received = min(self._received + size, self.total)  # pooch counts the last chunk as a full one
        if self._progress is not None:
            self._progress(min(self._before + self._received, self._total_of_all), self._total_of_all)

    def reset(self) -> None:
        self._received = 0

    def close(self) -> None:
        pass
