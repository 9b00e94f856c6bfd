"""Load MNIST from its four IDX files, and split it."""

import logging
from collections.abc import Sequence
from pathlib import Path

from mnistdash.data import download
from mnistdash.data.dataset import Dataset, Split
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
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9_912_422,
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        28_881,
    ),
    IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1_648_877,
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        4_542,
    ),
)


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
    return _load([settings.cache / f"{file.name}.gz" for file in FILES])


def is_available(settings: Settings) -> bool:
    """Return True if `load_mnist` finds MNIST without downloading it."""
    return any(folder is not None and find_files(folder) for folder in (settings.data, settings.cache))


def find_files(folder: Path) -> list[Path]:
    """Return the paths of all four files in a folder, intact or not; [] if any is missing."""
    paths = [_find_file(folder, file) for file in FILES]
    return [path for path in paths if path is not None] if None not in paths else []


def _find_file(folder: Path, file: IdxFile) -> Path | None:
    dotted = file.name.replace("-idx", ".idx")  # the spelling of some archives
    names = (name for stem in (file.name, dotted) for name in (stem, f"{stem}.gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _load(paths: Sequence[Path]) -> Dataset:
    images, labels, test_images, test_labels = map(read_verified, paths, FILES)
    return Dataset(
        "mnist",
        str(paths[0].parent),
        train=Split(images[VALIDATION_IMAGES:], labels[VALIDATION_IMAGES:]),
        validation=Split(images[:VALIDATION_IMAGES], labels[:VALIDATION_IMAGES]),
        test=Split(test_images, test_labels),
    )
