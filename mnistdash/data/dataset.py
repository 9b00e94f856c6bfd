"""Dataset."""

from dataclasses import dataclass

import numpy as np

SPLITS = ("test", "validation", "train")


@dataclass(frozen=True)
class Split:
    """Images and their labels, both read-only.

    Attributes:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: (n,) uint8, 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """The three splits, and where they came from.

    Attributes:
        name: "mnist", or "sample" for the offline sample.
        source: the folder of the files, or the name of what the sample is taken from.
    """

    name: str
    source: str
    train: Split
    validation: Split
    test: Split

    def split(self, name: str) -> Split:
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def make_split(images: np.ndarray, labels: np.ndarray) -> Split:
    images.setflags(write=False)
    labels.setflags(write=False)
    return Split(images, labels)
