"""Scores a model over a split: accuracy, loss, confusion, per-digit figures, hardest errors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mnistdash.datasets import Split

BINS = 15  # of equal width, for the calibration error
SMALLEST = 1e-7  # probabilities are clipped to this before the logarithm, as Keras does


@dataclass(frozen=True)
class Evaluation:
    """A model's answers over a split.

    Attributes:
        labels: (n,) uint8, the true digits.
        probabilities: (n, 10) float32.
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def predicted(self) -> np.ndarray:
        """(n,) uint8: the likeliest digit."""
        return self.probabilities.argmax(1).astype(np.uint8)

    @cached_property
    def confidence(self) -> np.ndarray:
        """(n,) float32: the likeliest digit's probability."""
        return self.probabilities.max(1)

    @cached_property
    def confusion(self) -> np.ndarray:
        """(10, 10) int64: row = true digit, column = predicted digit."""
        return confusion_matrix(self.labels, self.predicted)

    @cached_property
    def accuracy(self) -> float:
        """Share read right, in [0, 1]."""
        return float((self.predicted == self.labels).mean())

    def accuracy_without(self, indices: np.ndarray) -> float:
        """Share read right of all but the digits at (k,) indices, in [0, 1]."""
        return float(np.delete(self.predicted == self.labels, indices).mean())

    @cached_property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        true = self.probabilities[np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.clip(true.astype(np.float64), SMALLEST, 1)).mean())

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error in [0, 1]: how far confidence is from the share read right, over 15 bins.

        Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2.
        """
        bins = np.minimum((BINS * self.confidence).astype(int), BINS - 1)
        surplus = self.confidence.astype(np.float64) - (self.predicted == self.labels)
        return float(np.abs(np.bincount(bins, surplus, BINS)).sum() / len(self.labels))

    @cached_property
    def errors(self) -> np.ndarray:
        """(e,) int64: indices of what was misread, the most confident mistakes first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]

    @cached_property
    def per_digit(self) -> list[dict]:
        """For each digit: `digit`, `count`, `precision`, `recall`, `f1` (null where undefined)."""
        right, true, claimed = self.confusion.diagonal(), self.confusion.sum(1), self.confusion.sum(0)
        return [
            {
                "digit": digit,
                "count": int(true[digit]),
                "precision": _ratio(right[digit], claimed[digit]),
                "recall": _ratio(right[digit], true[digit]),
                "f1": _ratio(2 * right[digit], claimed[digit] + true[digit]),
            }
            for digit in range(10)
        ]


def evaluate(model: Callable[[np.ndarray], np.ndarray], split: Split) -> Evaluation:
    """Let a model read a whole split.

    Args:
        model: (n, 28, 28) uint8 -> (n, 10) float32 probabilities.
        split: what to read.
    """
    return Evaluation(split.labels, model(split.images))


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How often each digit is read as each.

    Args:
        labels, predicted: (n,) digits, true and read.

    Returns:
        (10, 10) int64: row = true digit, column = predicted digit.
    """
    return np.bincount(10 * labels.astype(np.int64) + predicted, minlength=100).reshape(10, 10)


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
