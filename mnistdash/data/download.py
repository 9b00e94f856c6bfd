"""Download MNIST's files from mirrors."""

from collections.abc import Callable, Mapping
from pathlib import Path

from mnistdash.data.idx import read_verified
from mnistdash.exceptions import DataFileError, DataUnavailableError
from mnistdash.system.atomic import atomic_path

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
TIMEOUT = (5, 20)  # seconds to connect, and between two chunks of data
TOTAL_BYTES = 11_594_722  # of the four compressed files
CHUNK_BYTES = 65_536  # between two progress reports

Progress = Callable[[int, int], None]  # bytes received, total bytes


def download_files(files: Mapping[str, str], cache: Path, progress: Progress | None) -> None:
    """Download files into the cache as `<name>.gz`, each complete and verified or not at all; keep intact ones.

    Args:
        files: names, and the SHA-256 of each file's uncompressed bytes.
        cache: folder; created if it does not exist.
        progress: called with (bytes received, total bytes).

    Raises:
        DataUnavailableError: no mirror served a file, or the cache cannot be written to.
    """
    complete = 0  # bytes of the files so far

    def report(size: int) -> None:
        if progress is not None:
            progress(min(complete + size, TOTAL_BYTES), TOTAL_BYTES)

    try:
        cache.mkdir(parents=True, exist_ok=True)
        for name, sha256 in files.items():
            path = cache / f"{name}.gz"
            try:
                read_verified(path, sha256)
            except DataFileError:  # missing or damaged
                _download(path, sha256, report)
            complete += path.stat().st_size
    except OSError as error:
        raise DataUnavailableError(f"MNIST cannot be stored in {cache}: {error.strerror or error}.") from error


def _download(path: Path, sha256: str, report: Callable[[int], None]) -> None:
    import requests  # slow to import, and rarely needed

    reasons = []
    for mirror in MIRRORS:
        host, url = mirror.split("/")[2], mirror + path.name
        try:
            with atomic_path(path) as temporary, requests.get(url, stream=True, timeout=TIMEOUT) as response:
                response.raise_for_status()
                with temporary.open("wb") as file:
                    for chunk in response.iter_content(CHUNK_BYTES):
                        file.write(chunk)
                        report(file.tell())
                read_verified(temporary, sha256)
            return
        except requests.exceptions.RequestException as error:
            status = None if error.response is None else error.response.status_code
            reasons.append(f"{host} cannot be reached" if status is None else f"{host} answered {status}")
        except DataFileError:
            reasons.append(f"{host} served a damaged file")
    raise DataUnavailableError(
        f"MNIST could not be downloaded: {' and '.join(reasons)} ({path.stem}). Check the network, or set "
        "MNISTDASH_DATA to a folder with the four files."
    )
