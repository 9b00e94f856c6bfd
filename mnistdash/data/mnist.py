"""Load MNIST from its four IDX files, and split it."""

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
        if is_complete(settings.data):
            return _load_folder(settings.data)
        log.warning("MNISTDASH_DATA (%s) lacks some of the four MNIST files; using the cache.", settings.data)
    if is_complete(settings.cache):
        try:
            return _load_folder(settings.cache)
        except DataFileError as error:
            log.warning("%s Downloading it again.", error)
    missing = [file for file in FILES if not _is_intact(settings.cache, file)]
    download.download_files(missing, settings.cache, progress)
    return _load_folder(settings.cache)


def is_available(settings: Settings) -> bool:
    """Return True if `load_mnist` finds MNIST without downloading it."""
    return any(folder is not None and is_complete(folder) for folder in (settings.data, settings.cache))


def is_complete(folder: Path) -> bool:
    """Return True if a folder has all four files, intact or not."""
    return all(_find_file(folder, file) is not None for file in FILES)


def _find_file(folder: Path, file: IdxFile) -> Path | None:
    dotted = file.name.replace("-idx", ".idx")  # the spelling of some archives
    names = (name for stem in (file.name, dotted) for name in (stem, f"{stem}.gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _is_intact(cache: Path, file: IdxFile) -> bool:
    """Return True if the cache has an intact file; delete a damaged one."""
    path = _find_file(cache, file)
    if path is None:
        return False
    try:
        read_verified(path, file)
    except DataFileError:
        path.unlink()
        return False
    return True


def _load_folder(folder: Path) -> Dataset:
    paths = [_find_file(folder, file) or folder / file.name for file in FILES]
    images, labels, test_images, test_labels = map(read_verified, paths, FILES)
    return Dataset(
        "mnist",
        str(folder),
        train=make_split(images[VALIDATION_IMAGES:], labels[VALIDATION_IMAGES:]),
        validation=make_split(images[:VALIDATION_IMAGES], labels[:VALIDATION_IMAGES]),
        test=make_split(test_images, test_labels),
    )
