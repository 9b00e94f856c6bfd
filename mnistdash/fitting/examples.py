"""What a network is trained on: MNIST's digits, and what is made from them."""

from dataclasses import dataclass

import numpy as np

from mnistdash import negatives, redrawing, styles
from mnistdash.datasets import Dataset, Split
from mnistdash.fitting import networks
from mnistdash.recipes import Recipe

NEGATIVES = 0.15  # pictures that are not digits, per digit trained on
REDRAWN = 0.4  # digits redrawn with one pen, per digit trained on
AS_WRITTEN = 0.8  # strength of the augmentation of MNIST's own digits; all else gets all of it


@dataclass(frozen=True)
class Examples:
    """What a network is fitted to.

    Attributes:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: (n,) uint8, 0 to 9, or `networks.NOT_A_DIGIT`.
        strength: (n,) float32 in [0, 1], how strongly each is augmented.
    """

    images: np.ndarray
    labels: np.ndarray
    strength: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def plain(cls, split: Split) -> "Examples":
        return cls(split.images, split.labels, np.zeros(len(split), np.float32))

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """As the model of `networks.for_training` takes them."""
        return {"pixels": self.images, "strength": self.strength}


def make(dataset: Dataset, recipe: Recipe, limit: int | None, seed: int = 0) -> Examples:
    """What a run trains on.

    The training split, or its first `limit` images; for some recipes with the validation split.
    Augmentation adds copies that are redrawn with one pen, some of them in other styles, and a
    recipe that refuses adds pictures of what is not a digit.
    """
    parts = [dataset.train]
    if recipe.trains_on_validation and (limit is None or limit > len(dataset.train)):
        parts.append(dataset.validation)
    digits = Split(
        np.concatenate([part.images for part in parts])[:limit], np.concatenate([part.labels for part in parts])[:limit]
    )
    images, labels = [digits.images], [digits.labels]
    if recipe.augmentation:
        copies, copied = styles.restyled(digits.images, digits.labels, seed)
        random = np.random.default_rng(seed)
        chosen = random.permutation(len(digits))[: round(REDRAWN * len(digits))]
        images += [redrawing.redrawn(copies, random), redrawing.redrawn(digits.images[chosen], random)]
        labels += [copied, digits.labels[chosen]]
    if recipe.refuses:
        others = negatives.make(digits, round(NEGATIVES * len(digits)), seed)
        images.append(others)
        labels.append(np.full(len(others), networks.NOT_A_DIGIT, digits.labels.dtype))
    strength = np.ones(sum(map(len, labels)), np.float32)
    strength[: len(digits)] = AS_WRITTEN
    return Examples(np.concatenate(images), np.concatenate(labels), strength)
