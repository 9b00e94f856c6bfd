import numpy as np
import pytest

from mnistdash.inference.recognize import DIGIT, NOT_A_DIGIT, DigitPrediction
from mnistdash.ui.draw.score import MAX_DRAWINGS, Score


def prediction(digit: int, verdict: str = DIGIT) -> DigitPrediction:
    picture = np.zeros((28, 28), np.float32)
    return DigitPrediction(verdict, picture, picture, np.eye(10, dtype=np.float32)[digit], None)


def test_a_score_separates_correct_from_misclassified_drawings():
    score = Score()
    score.label(0, 3, prediction(3))
    score.label(1, 4, prediction(9))
    assert [(drawing.truth, drawing.is_correct) for drawing in score.drawings] == [(3, True), (4, False)]
    assert [drawing.number for drawing in score.misclassified] == [1]


def test_a_digit_predicted_as_non_digit_is_misclassified():
    score = Score()
    score.label(0, 3, prediction(3, NOT_A_DIGIT))
    assert len(score.misclassified) == 1


def test_the_label_of_a_drawing_can_be_changed_and_removed():
    score = Score()
    score.label(5, 4, prediction(9))
    score.label(5, 9, prediction(9))
    assert [drawing.is_correct for drawing in score.drawings] == [True]
    score.label(5, None, prediction(9))
    assert not score.drawings


@pytest.mark.parametrize("extra", [0, 1, 7])
def test_only_the_last_drawings_count_and_the_newest_error_comes_first(extra):
    score = Score()
    for number in range(MAX_DRAWINGS + extra):
        score.label(number, 1, prediction(1 if number % 5 else 7))
    assert len(score.drawings) == MAX_DRAWINGS
    assert score.drawings[0].number == extra
    numbers = [drawing.number for drawing in score.misclassified]
    assert numbers == sorted(numbers, reverse=True)
