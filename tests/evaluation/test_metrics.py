import numpy as np
import pytest

from mnistdash.data.dataset import Split
from mnistdash.evaluation.metrics import Evaluation, evaluate


def probabilities_of(*rows: tuple[int, float]) -> np.ndarray:
    """Return probabilities with the given digits and confidences, and equal ones for all other digits."""
    probabilities = np.zeros((len(rows), 10), np.float32)
    for row, (digit, confidence) in zip(probabilities, rows, strict=True):
        row[:] = (1 - confidence) / 9
        row[digit] = confidence
    return probabilities


LABELS = np.array([0, 1, 1, 2, 7], np.uint8)
RESULT = Evaluation(LABELS, probabilities_of((0, 0.9), (1, 0.8), (7, 0.6), (3, 0.95), (7, 1.0)))


def test_accuracy_and_confusion():
    assert RESULT.accuracy == pytest.approx(3 / 5)
    assert RESULT.confusion.sum() == 5
    assert RESULT.confusion[1, 7] == 1, "rows are the true digits"
    assert RESULT.confusion[2, 3] == 1
    assert RESULT.confusion[7, 7] == 1


def test_the_most_confident_errors_come_first():
    assert RESULT.errors.tolist() == [3, 2]


def test_loss_is_the_mean_cross_entropy():
    true = np.array([0.9, 0.8, 0.4 / 9, 0.05 / 9, 1.0])
    assert RESULT.loss == pytest.approx(-np.log(true).mean(), rel=1e-5)


def test_an_error_with_full_confidence_has_a_finite_loss():
    assert np.isfinite(Evaluation(LABELS[:1], probabilities_of((5, 1.0))).loss)


def test_figures_per_digit():
    one, seven, nine = (RESULT.per_digit[digit] for digit in (1, 7, 9))
    assert one == {"digit": 1, "count": 2, "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)}
    assert (seven["precision"], seven["recall"]) == (0.5, 1.0)
    assert (nine["count"], nine["precision"], nine["recall"], nine["f1"]) == (0, None, None, None)


def test_evaluate_predicts_the_whole_split():
    images = np.zeros((5, 28, 28), np.uint8)
    result = evaluate(lambda given: RESULT.probabilities[: len(given)], Split(images, LABELS))
    assert result.accuracy == RESULT.accuracy


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy():
    """Of ten predictions at 0.9, eight are correct; of ten at 0.6, six: half are overconfident by 0.1."""
    labels = np.array([1] * 8 + [2] * 2 + [1] * 6 + [2] * 4, np.uint8)
    probabilities = np.full((20, 10), 0.0, np.float32)
    probabilities[:10, 1], probabilities[10:, 1] = 0.9, 0.6
    assert Evaluation(labels, probabilities).calibration_error == pytest.approx(0.05, abs=1e-6)


def test_full_confidence_has_a_bin():
    assert Evaluation(np.array([1], np.uint8), np.eye(10, dtype=np.float32)[[1]]).calibration_error == 0


def test_accuracy_can_exclude_digits():
    probabilities = np.eye(10, dtype=np.float32)[[0, 1, 2, 3]]
    result = Evaluation(np.array([0, 1, 5, 6], np.uint8), probabilities)
    assert result.accuracy == 0.5
    assert result.accuracy_without(np.array([2])) == pytest.approx(2 / 3)
    assert result.accuracy_without(np.array([2, 3])) == 1.0


def test_losses_margins_and_bins_are_computed_per_digit():
    assert RESULT.losses.mean() == pytest.approx(RESULT.loss)
    assert RESULT.losses.argmax() == 3
    assert RESULT.margins == pytest.approx(
        [0.9 - 0.1 / 9, 0.8 - 0.2 / 9, 0.6 - 0.4 / 9, 0.95 - 0.05 / 9, 1.0], abs=1e-6
    )
    bins = RESULT.reliability
    assert bins.count.tolist() == [0] * 9 + [1, 0, 0, 1, 1, 2]
    assert bins.accuracy[[9, 12, 13, 14]].tolist() == [0, 1, 1, 0.5]
    assert bins.confidence[14] == pytest.approx(0.975)
    assert np.isnan(bins.accuracy[0])


def test_skipping_the_least_confident_predictions_raises_accuracy():
    skipped, accuracy = RESULT.selective_accuracy
    assert skipped == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert accuracy == pytest.approx([3 / 5, 3 / 4, 2 / 3, 1 / 2, 1])
