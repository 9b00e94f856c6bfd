import numpy as np
import pytest

from mnistdash.inference.recognize import DIGIT, NOT_A_DIGIT, DigitPrediction
from mnistdash.ui.draw.score import LENGTH, Score


def reading(digit: int, verdict: str = DIGIT) -> DigitPrediction:
    picture = np.zeros((28, 28), np.float32)
    return DigitPrediction(verdict, picture, picture, np.eye(10, dtype=np.float32)[digit], None)


def test_the_score_counts_what_was_read_right():
    score = Score()
    score.count(0, 3, reading(3))
    score.count(1, 4, reading(9))
    assert (score.right, score.counted) == (1, 2)
    assert [(drawing.truth, drawing.reading.digit) for drawing in score.misread] == [(4, 9)]


def test_a_digit_taken_for_none_was_not_read_right():
    score = Score()
    score.count(0, 3, reading(3, NOT_A_DIGIT))
    assert (score.right, score.counted) == (0, 1)


def test_the_last_word_on_a_drawing_stands_and_can_be_taken_back():
    score = Score()
    score.count(5, 4, reading(9))
    score.count(5, 9, reading(9))
    assert (score.right, score.counted) == (1, 1)
    score.forget(5)
    assert score.counted == 0


@pytest.mark.parametrize("extra", [0, 1, 7])
def test_only_the_last_drawings_count_and_the_newest_mistake_comes_first(extra):
    score = Score()
    for number in range(LENGTH + extra):
        score.count(number, 1, reading(1 if number % 5 else 7))
    assert score.counted == LENGTH
    assert score.drawings[0].number == extra
    numbers = [drawing.number for drawing in score.misread]
    assert numbers == sorted(numbers, reverse=True)
