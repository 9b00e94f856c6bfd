"""Scores a model over a split: accuracy, loss, confusion, per-digit figures, hardest errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.runs.snapshots import (
    EpochPredictions,
)

BINS = 15  # of equal width, for the calibration error
SMALLEST = 1e-7  # probabilities are clipped to this before the logarithm, as Keras does


@dataclass(frozen=True)
class Reliability:
    """How sure a model is, and how often it is right then, for bins of its confidence.

    Attributes:
        count: (b,) int64 digits in each bin.
        confidence: (b,) float64, their mean confidence; NaN in an empty bin.
        accuracy: (b,) float64, the share of them read right; NaN in an empty bin.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


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
    def losses(self) -> np.ndarray:
        """(n,) float64: cross-entropy in nats."""
        true = self.probabilities[np.arange(len(self.labels)), self.labels]
        return -np.log(np.clip(true.astype(np.float64), SMALLEST, 1))

    @cached_property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(self.losses.mean())

    @cached_property
    def margins(self) -> np.ndarray:
        """(n,) float32: by how much the likeliest digit's probability exceeds the runner-up's."""
        second, first = np.partition(self.probabilities, -2, axis=1)[:, -2:].T
        return first - second

    @cached_property
    def reliability(self) -> "Reliability":
        """Confidence against the share read right, over 15 bins of equal width."""
        bins = np.minimum((BINS * self.confidence).astype(int), BINS - 1)
        right = (self.predicted == self.labels).astype(np.float64)
        count = np.bincount(bins, minlength=BINS)
        with np.errstate(invalid="ignore"):  # an empty bin has no means
            return Reliability(
                count, np.bincount(bins, self.confidence, BINS) / count, np.bincount(bins, right, BINS) / count
            )

    @property
    def calibration_error(self) -> float:
        """Expected calibration error in [0, 1]: how far confidence is from the share read right, over 15 bins.

        Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2.
        """
        bins = self.reliability
        gaps = np.nan_to_num(np.abs(bins.confidence - bins.accuracy))
        return float((gaps * bins.count).sum() / len(self.labels))

    @cached_property
    def refusal(self) -> tuple[np.ndarray, np.ndarray]:
        """What refusing the least sure digits brings.

        Returns:
            Two (n,) float64 in [0, 1]: the share refused, from 0 on, and the share read right of the rest.
        """
        right = (self.predicted == self.labels)[np.argsort(self.confidence, kind="stable")]
        left = np.arange(len(right), 0, -1)
        return 1 - left / len(right), right[::-1].cumsum()[::-1] / left

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


def forgotten(history: Sequence[EpochPredictions], labels: np.ndarray) -> np.ndarray:
    """Which digits were once read right and are misread at the end.

    Args:
        history: the answers after each epoch up to the one at hand.
        labels: (n,) the true digits.

    Returns:
        (n,) bool.
    """
    once = np.zeros(len(labels), bool)
    for answers in history[:-1]:
        once |= answers.predicted == labels
    return once & (history[-1].predicted != labels)


def hardest_errors(answers: EpochPredictions, labels: np.ndarray, count: int) -> np.ndarray:
    """(at most count,) int64: the misread digits whose true label was thought least likely, that first."""
    wrong = np.flatnonzero(answers.predicted != labels)
    return wrong[np.argsort(answers.true_probability[wrong], kind="stable")][:count]
