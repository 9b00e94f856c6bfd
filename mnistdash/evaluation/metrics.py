"""Metrics of a model over a split: accuracy, loss, confusion, calibration, per-digit scores, errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.runs.snapshots import EpochPredictions

BINS = 15  # of equal width, for calibration
MIN_PROBABILITY = 1e-7  # probabilities are clipped to it before the logarithm, as in Keras


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: confidence against accuracy, by bins of confidence.

    Attributes:
        count: (b,) int64 digits in each bin.
        confidence: (b,) float64 mean confidence; NaN in an empty bin.
        accuracy: (b,) float64 accuracy; NaN in an empty bin.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """A model's predictions over a split and their metrics.

    Attributes:
        labels: (n,) uint8 true digits.
        probabilities: (n, 10) float32.
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def predicted(self) -> np.ndarray:
        """(n,) uint8 most probable digits."""
        return np.asarray(self.probabilities.argmax(1), np.uint8)

    @cached_property
    def confidence(self) -> np.ndarray:
        """(n,) float32 probabilities of the predicted digits."""
        return np.asarray(self.probabilities.max(1))

    @cached_property
    def confusion(self) -> np.ndarray:
        """(10, 10) int64; row = true digit, column = predicted digit."""
        return confusion_matrix(self.labels, self.predicted)

    @cached_property
    def accuracy(self) -> float:
        """Accuracy in [0, 1]."""
        return float((self.predicted == self.labels).mean())

    def accuracy_without(self, indices: np.ndarray) -> float:
        """Return the accuracy in [0, 1] excluding the digits at (k,) indices."""
        return float(np.delete(self.predicted == self.labels, indices).mean())

    @cached_property
    def label_quality(self) -> np.ndarray:
        """(n,) float64 probabilities of the labels, the quality score "self_confidence" of confident learning."""
        return np.asarray(self.probabilities[np.arange(len(self.labels)), self.labels], np.float64)

    @cached_property
    def losses(self) -> np.ndarray:
        """(n,) float64 cross-entropies in nats."""
        return np.asarray(-np.log(np.clip(self.label_quality, MIN_PROBABILITY, 1)))

    @cached_property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(self.losses.mean())

    @cached_property
    def margins(self) -> np.ndarray:
        """(n,) float32 differences between the two highest probabilities."""
        second, first = np.partition(self.probabilities, -2, axis=1)[:, -2:].T
        return np.asarray(first - second)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence against accuracy, over BINS bins of equal width."""
        bins = np.minimum((BINS * self.confidence).astype(int), BINS - 1)
        right = (self.predicted == self.labels).astype(np.float64)
        count = np.bincount(bins, minlength=BINS)
        with np.errstate(invalid="ignore"):  # an empty bin has no means
            return Reliability(
                count, np.bincount(bins, self.confidence, BINS) / count, np.bincount(bins, right, BINS) / count
            )

    @property
    def calibration_error(self) -> float:
        """Expected calibration error in [0, 1]: the mean gap between confidence and accuracy, over BINS bins.

        Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2.
        """
        bins = self.reliability
        gaps = np.nan_to_num(np.abs(bins.confidence - bins.accuracy))
        return float((gaps * bins.count).sum() / len(self.labels))

    @cached_property
    def selective_accuracy(self) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy on the rest when the least confident predictions are skipped.

        Returns:
            Two (n,) float64 in [0, 1]: the share skipped, ascending from 0, and the accuracy on the rest.
        """
        right = (self.predicted == self.labels)[np.argsort(self.confidence, kind="stable")]
        left = np.arange(len(right), 0, -1)
        return 1 - left / len(right), right[::-1].cumsum()[::-1] / left

    @cached_property
    def errors(self) -> np.ndarray:
        """(e,) int64 indices of misclassified digits, most confident first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]

    @cached_property
    def per_digit(self) -> list[dict[str, Any]]:
        """For each digit: `digit`, `count`, `precision`, `recall`, `f1` (None if undefined)."""
        right, true, predicted = self.confusion.diagonal(), self.confusion.sum(1), self.confusion.sum(0)
        return [
            {
                "digit": digit,
                "count": int(true[digit]),
                "precision": _ratio(right[digit], predicted[digit]),
                "recall": _ratio(right[digit], true[digit]),
                "f1": _ratio(2 * right[digit], predicted[digit] + true[digit]),
            }
            for digit in range(10)
        ]


def evaluate(model: Callable[[np.ndarray], np.ndarray], split: Split) -> Evaluation:
    """Predict a whole split.

    Args:
        model: (n, 28, 28) uint8 -> (n, 10) float32 probabilities.
        split: the digits.
    """
    return Evaluation(split.labels, model(split.images))


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Count how often each digit is predicted as each.

    Args:
        labels, predicted: (n,) digits.

    Returns:
        (10, 10) int64; row = true digit, column = predicted digit.
    """
    return np.asarray(np.bincount(10 * labels.astype(np.int64) + predicted, minlength=100).reshape(10, 10))


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def forgotten(history: Sequence[EpochPredictions], labels: np.ndarray) -> np.ndarray:
    """Find the digits that are misclassified now but were predicted correctly after an earlier epoch.

    Args:
        history: predictions after each epoch, in order.
        labels: (n,) true digits.

    Returns:
        (n,) bool.
    """
    once_right = np.zeros(len(labels), bool)
    for predictions in history[:-1]:
        once_right |= predictions.predicted == labels
    return np.asarray(once_right & (history[-1].predicted != labels))


def hardest_errors(predictions: EpochPredictions, labels: np.ndarray, count: int) -> np.ndarray:
    """Return (<= count,) int64 indices of the misclassified digits, least probable true label first."""
    wrong = np.flatnonzero(predictions.predicted != labels)
    return wrong[np.argsort(predictions.true_probability[wrong], kind="stable")][:count]
