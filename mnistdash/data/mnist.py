"""MNIST from its four IDX files: find, download, verify, split; and the offline sample."""

import logging
from pathlib import Path

from mnistdash.data import download
from mnistdash.data.dataset import Dataset, make_split
from mnistdash.data.idx import IdxFile, read_verified
from mnistdash.exceptions import DataFileError
from mnistdash.settings import Settings

log = logging.getLogger(__name__)

VALIDATION_IMAGES = 5_000  # the first images of the training file


FILES = (
    IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        9_912_422,
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        28_881,
    ),
    IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        1_648_877,
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        4_542,
    ),
)


def load_mnist(settings: Settings, progress: download.Progress | None = None) -> Dataset:
    """Load MNIST from MNISTDASH_DATA, else from the cache, else download it into the cache.

    Args:
        settings: where to look.
        progress: called with (bytes received, bytes in all) while downloading.

    Raises:
        DataFileError: a file in MNISTDASH_DATA is not what it should be.
        mirrors.DataUnavailableError: there is no MNIST here, and no mirror gave it.
    """
    if settings.data is not None:
        if (paths := _find(settings.data)) is not None:
            return _load_folder(settings.data, paths)
        log.warning("MNISTDASH_DATA (%s) lacks some of the four MNIST files: looking in the cache.", settings.data)
    fetched_again = set()
    while True:
        paths = _find(settings.cache)
        if paths is None:
            missing = [file for file in FILES if _find_file(settings.cache, file) is None]
            download.download_files(missing, settings.cache, progress)
            continue
        try:
            return _load_folder(settings.cache, paths)
        except DataFileError as error:
            if error.path in fetched_again:
                raise
            log.warning("%s It is fetched again.", error)
            fetched_again.add(error.path)
            error.path.unlink()


def is_available(settings: Settings) -> bool:
    """Whether `load` finds MNIST without downloading it."""
    return any(folder is not None and is_complete(folder) for folder in (settings.data, settings.cache))


def is_complete(folder: Path) -> bool:
    """Whether a folder holds four files with MNIST's names."""
    return _find(folder) is not None


def _find(folder: Path) -> list[Path] | None:
    """The four files in a folder, in the order of FILES, or None where one is missing."""
    paths = [_find_file(folder, file) for file in FILES]
    return None if None in paths else paths


def _find_file(folder: Path, file: IdxFile) -> Path | None:
    dotted = file.name.replace("-idx", ".idx")  # as some archives spell it
    names = (name for stem in (file.name, dotted) for name in (stem, f"{stem}.gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _load_folder(folder: Path, paths: list[Path]) -> Dataset:
    arrays = [read_verified(path, file) for path, file in zip(paths, FILES, strict=True)]
    images, labels, test_images, test_labels = arrays
    return Dataset(
        "mnist",
        str(folder),
        train=make_split(images[VALIDATION_IMAGES:], labels[VALIDATION_IMAGES:]),
        validation=make_split(images[:VALIDATION_IMAGES], labels[:VALIDATION_IMAGES]),
        test=make_split(test_images, test_labels),
    )
