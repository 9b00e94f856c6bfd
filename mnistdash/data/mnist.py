"""Load MNIST from its four IDX files, and split it."""

import logging
from collections.abc import Sequence
from pathlib import Path

from mnistdash.data import download
from mnistdash.data.dataset import Dataset, Split
from mnistdash.data.idx import read_verified
from mnistdash.exceptions import DataFileError
from mnistdash.settings import Settings

log = logging.getLogger(__name__)

VALIDATION_IMAGES = 5_000  # the first images of the training file

# SHA-256 of the uncompressed bytes.
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist(settings: Settings, progress: download.Progress | None = None) -> Dataset:
    """Load MNIST from MNISTDASH_DATA, else from the cache, else download it into the cache.

    Args:
        settings: folders to search.
        progress: called with (bytes received, total bytes) while downloading.

    Raises:
        DataFileError: a file in MNISTDASH_DATA is damaged.
        DataUnavailableError: MNIST is not on this machine, and no mirror served it.
    """
    if settings.data is not None:
        if paths := find_files(settings.data):
            return _load(paths)
        log.warning("MNISTDASH_DATA (%s) lacks some of the four MNIST files; using the cache.", settings.data)
    if paths := find_files(settings.cache):
        try:
            return _load(paths)
        except DataFileError as error:
            log.warning("%s Downloading it again.", error)
    download.download_files(FILES, settings.cache, progress)
    return _load([settings.cache / f"{name}.gz" for name in FILES])


def is_available(settings: Settings) -> bool:
    """Return True if `load_mnist` finds MNIST without downloading it."""
    return any(folder is not None and find_files(folder) for folder in (settings.data, settings.cache))


def find_files(folder: Path) -> list[Path]:
    """Return the paths of all four files in a folder, intact or not; [] if any is missing."""
    paths = [_find_file(folder, name) for name in FILES]
    return [path for path in paths if path is not None] if None not in paths else []


def _find_file(folder: Path, name: str) -> Path | None:
    dotted = name.replace("-idx", ".idx")  # the spelling of some archives
    paths = (folder / spelling for stem in (name, dotted) for spelling in (stem, f"{stem}.gz"))
    return next(filter(Path.is_file, paths), None)


def _load(paths: Sequence[Path]) -> Dataset:
    images, labels, test_images, test_labels = map(read_verified, paths, FILES.values())
    return Dataset(
        "mnist",
        str(paths[0].parent),
        train=Split(images[VALIDATION_IMAGES:], labels[VALIDATION_IMAGES:]),
        validation=Split(images[:VALIDATION_IMAGES], labels[:VALIDATION_IMAGES]),
        test=Split(test_images, test_labels),
    )
