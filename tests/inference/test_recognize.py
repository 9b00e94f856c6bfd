import numpy as np
import pytest
from hands import on_canvas

from mnistdash.imaging import normalize
from mnistdash.inference.model import Model, load_model
from mnistdash.inference.recognize import BLANK, DIGIT, NOT_A_DIGIT, UNSURE, recognize


@pytest.fixture
def model(flagship, models) -> Model:
    """Return the shipped model."""
    return load_model("flagship", models)


class ModelWithoutRejection:
    """Model that predicts 4 with full confidence and never rejects a non-digit."""

    def predict_with_is_digit(self, images):
        probabilities = np.zeros((len(images), 10), np.float32)
        probabilities[:, 4] = 1
        return probabilities, None


def test_a_drawing_is_predicted_from_its_network_input(model, drawing):
    answer = recognize(drawing, model)
    (digit,) = answer.digits
    assert (answer.verdict, answer.number, digit.digit) == ("digit", "7", 7)
    assert np.array_equal(digit.view, normalize.to_mnist(drawing))
    assert answer.confidence == pytest.approx(digit.probabilities[7])
    assert answer.milliseconds > 0


def test_a_blank_image_never_reaches_the_network():
    answer = recognize(np.full((100, 100), 255, np.uint8), None)
    assert (answer.verdict, answer.number, answer.digits, answer.confidence) == ("blank", None, (), 0.0)


@pytest.mark.parametrize("number", ["42", "2026", "37", "10", "1111", "98765"])
def test_a_number_is_recognized_from_left_to_right(model, number):
    answer = recognize(on_canvas(number), model)
    assert answer.number == number
    assert len(answer.digits) == len(number)
    assert answer.confidence == pytest.approx(np.prod([digit.confidence for digit in answer.digits]))


def test_a_number_on_paper_is_recognized_too(model):
    assert recognize(255 - on_canvas("42"), model).number == "42"


@pytest.mark.parametrize("name", ["5 with a detached bar", "4 in two strokes", "8 open"])
def test_a_digit_of_several_components_stays_one_digit(model, name):
    answer = recognize(on_canvas(name), model)
    assert answer.number == name[0]


def test_a_number_may_contain_digits_of_several_components(model):
    assert recognize(on_canvas(["5 with a detached bar", "1", "4 in two strokes"]), model).number == "514"


def test_touching_digits_are_not_one_confident_digit(model):
    answer = recognize(on_canvas("42", gap=-70), model)
    assert len(answer.digits) == 2 or answer.verdict in ("unsure", "not a digit")


@pytest.mark.parametrize("name", ["dash", "scribble", "A", "smiley", "dot", "two dots", "M", "cross"])
def test_a_non_digit_is_never_a_confident_digit(model, name):
    answer = recognize(on_canvas([name]), model)
    assert answer.verdict in ("not a digit", "unsure")
    assert answer.whole.confidence < 0.7


def test_a_number_has_the_verdict_of_its_least_certain_digit(model):
    answer = recognize(on_canvas(["4", "A"]), model)
    assert [digit.verdict for digit in answer.digits] == ["digit", "not a digit"]
    assert answer.verdict == "not a digit"


@pytest.mark.parametrize(
    ("shares", "is_digit", "verdict"),
    [
        ((0.98, 0.01), 0.99, "digit"),
        ((0.55, 0.40), 0.99, "unsure"),
        ((0.55, 0.40), None, "unsure"),
        ((0.98, 0.01), 0.2, "not a digit"),
        ((0.98, 0.01), None, "digit"),
    ],
)
def test_verdict_depends_on_probabilities_and_is_digit(drawing, shares, is_digit, verdict):
    class Fixed:
        def predict_with_is_digit(self, images):
            probabilities = np.zeros((len(images), 10), np.float32)
            probabilities[:, [4, 9]] = shares
            return probabilities, None if is_digit is None else np.full(len(images), is_digit, np.float32)

    (digit,) = recognize(drawing, Fixed()).digits
    assert digit.verdict == verdict
    assert digit.digit == 4


def test_boxes_decide_the_segmentation_for_a_network_without_rejection():
    assert recognize(on_canvas("42"), ModelWithoutRejection()).number == "44"
    assert recognize(on_canvas(["5 with a detached bar"]), ModelWithoutRejection()).number == "4"


def test_verdicts_are_the_words_documented_for_the_command_line():
    assert (DIGIT, UNSURE, NOT_A_DIGIT, BLANK) == ("digit", "unsure", "not a digit", "blank")
