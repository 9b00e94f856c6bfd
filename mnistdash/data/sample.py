"""Sample."""

import numpy as np

from mnistdash.data import download
from mnistdash.data.dataset import Dataset, make_split
from mnistdash.data.mnist import load_mnist
from mnistdash.exceptions import DataError, DataFileError
from mnistdash.imaging import normalize
from mnistdash.settings import Settings


def load_mnist_or_sample(
    settings: Settings, progress: download.Progress | None = None, *, strict: bool = False
) -> tuple[Dataset, DataError | None]:
    """Load MNIST, or the offline sample where that fails.

    Args:
        settings: where to look.
        progress: called with (bytes received, bytes in all) while downloading.
        strict: raise DataFileError where MNISTDASH_DATA holds a damaged file, instead of going on without it.

    Returns:
        The data, and why it is only the sample (None for MNIST).
    """
    try:
        return load_mnist(settings, progress), None
    except DataFileError as error:
        if strict:
            raise
        return load_sample(), error
    except DataError as error:
        return load_sample(), error


def load_sample() -> Dataset:
    """The 1,797 digits inside scikit-learn, 8x8, brought to 28x28 in MNIST's manner.

    The order of the original is kept, as neighbours are by the same writers: the first 200 are
    for validation, the last 300 for the test, the 1,297 between them for training.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
    """
    from sklearn.datasets import load_digits  # slow to import, and rarely needed

    digits = load_digits()
    images = [
        normalize.center_by_mass(normalize.resize_to_box(normalize.crop(image / 16)))
        for image in digits.images.astype(np.float32)
    ]
    images = np.round(255 * np.stack(images)).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    return Dataset(
        "sample",
        "scikit-learn",
        train=make_split(images[200:-300], labels[200:-300]),
        validation=make_split(images[:200], labels[:200]),
        test=make_split(images[-300:], labels[-300:]),
    )
