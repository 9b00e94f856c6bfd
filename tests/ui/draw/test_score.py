import numpy as np
import pytest

from mnistdash.inference.recognize import DIGIT, NOT_A_DIGIT, DigitPrediction
from mnistdash.ui.draw.score import MAX_DRAWINGS, Score, misclassified, set_label


def prediction(digit: int, verdict: str = DIGIT) -> DigitPrediction:
    picture = np.zeros((28, 28), np.float32)
    return DigitPrediction(verdict, picture, picture, np.eye(10, dtype=np.float32)[digit], None)


def test_a_score_separates_correct_from_misclassified_drawings():
    score: Score = {}
    set_label(score, 0, 3, prediction(3))
    set_label(score, 1, 4, prediction(9))
    assert [truth for truth, _ in score.values()] == [3, 4]
    assert list(misclassified(score)) == [1]


def test_a_digit_predicted_as_non_digit_is_misclassified():
    score: Score = {}
    set_label(score, 0, 3, prediction(3, NOT_A_DIGIT))
    assert len(misclassified(score)) == 1


def test_the_label_of_a_drawing_can_be_changed_and_removed():
    score: Score = {}
    set_label(score, 5, 4, prediction(9))
    set_label(score, 5, 9, prediction(9))
    assert not misclassified(score)
    set_label(score, 5, None, prediction(9))
    assert not score


@pytest.mark.parametrize("extra", [0, 1, 7])
def test_only_the_last_drawings_count_and_the_newest_error_comes_first(extra):
    score: Score = {}
    for number in range(MAX_DRAWINGS + extra):
        set_label(score, number, 1, prediction(1 if number % 5 else 7))
    assert len(score) == MAX_DRAWINGS
    assert min(score) == extra
    numbers = list(misclassified(score))
    assert numbers == sorted(numbers, reverse=True)
