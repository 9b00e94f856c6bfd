"""A dataset of digits and its three splits."""

from dataclasses import dataclass

import numpy as np

SPLITS = ("test", "validation", "train")


@dataclass(frozen=True)
class Split:
    """Images and their labels. The arrays are read-only, as several threads share them.

    Attributes:
        images: (n, 28, 28) uint8, 255 = stroke.
        labels: (n,) uint8, 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Three splits and their source.

    Attributes:
        name: "mnist", or "sample" for the offline sample.
        source: the folder of the files, or the name of the library that contains the sample.
    """

    name: str
    source: str
    train: Split
    validation: Split
    test: Split

    def split(self, name: str) -> Split:
        """Return the split with a name in `SPLITS`."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]
