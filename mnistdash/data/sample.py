"""The offline sample: scikit-learn's 1,797 small digits, for machines without MNIST."""

import numpy as np

from mnistdash.data import download
from mnistdash.data.dataset import Dataset, Split
from mnistdash.data.mnist import load_mnist
from mnistdash.exceptions import DataError, DataFileError
from mnistdash.imaging.normalize import fit_and_center
from mnistdash.settings import Settings


def load_mnist_or_sample(
    settings: Settings, progress: download.Progress | None = None, *, strict: bool = False
) -> tuple[Dataset, DataError | None]:
    """Load MNIST, or the offline sample if MNIST is not available.

    Args:
        settings: folders to search.
        progress: called with (bytes received, total bytes) while downloading.
        strict: raise DataFileError if a file in MNISTDASH_DATA is damaged.

    Returns:
        The dataset, and the reason why it is the sample (None for MNIST).
    """
    try:
        return load_mnist(settings, progress), None
    except DataError as error:
        if strict and isinstance(error, DataFileError):
            raise
        return load_sample(), error


def load_sample() -> Dataset:
    """Load the 1,797 digits of scikit-learn, resized from 8x8 to MNIST's format.

    Neighboring digits are by the same writer, so the order is kept: the first 200 are for validation, the last 300 for
    the test, the others for training.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
    """
    from sklearn.datasets import load_digits  # slow to import, and rarely needed

    digits = load_digits()
    fitted = [fit_and_center(image / 16) for image in digits.images.astype(np.float32)]
    images = np.round(255 * np.stack(fitted)).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    for array in (images, labels):
        array.setflags(write=False)
    return Dataset(
        "sample",
        "scikit-learn",
        train=Split(images[200:-300], labels[200:-300]),
        validation=Split(images[:200], labels[:200]),
        test=Split(images[-300:], labels[-300:]),
    )
