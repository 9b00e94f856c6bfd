import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mnistdash.ui.html import digits, network, sprites


def words(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_a_picture_survives_its_data_url():
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    data = base64.b64decode(sprites.png_url(image).removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), image)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("digit", "4 80.0% sure runner-up 9, 20.0%"),
        ("unsure", "4 or 9 unsure: 80.0% or 20.0%"),
        ("not a digit", "Not a digit 99.0% sure"),
    ],
)
def test_the_answer_says_the_verdict(verdict, said):
    probabilities = np.zeros(10)
    probabilities[[4, 9]] = 0.8, 0.2
    assert words(digits.answer(verdict, probabilities, 0.01)) == said


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["digit", "digit"], "4 2 90.0% sure of all 2 digits"),
        (["digit", "unsure"], "4 2 unsure: 90.0% for all 2 digits"),
        (["not a digit", "unsure"], "? 2 not all of it is digits"),
    ],
)
def test_a_number_marks_what_is_doubtful(verdicts, said):
    html = digits.number(verdicts, "42", 0.9)
    assert words(html) == said
    assert html.count('class="doubt"') == sum(verdict != "digit" for verdict in verdicts)


def test_each_digit_of_a_number_has_a_card_with_ten_columns():
    view = np.zeros((28, 28), np.uint8)
    verdicts = ["digit", "unsure", "not a digit"]
    html = digits.cards([(verdict, view, np.full(10, 0.1)) for verdict in verdicts])
    assert html.count("<figure>") == 3
    assert html.count('class="fill"') == 30
    assert html.count("column best") == 3
    assert "<b>0</b> or <b>1</b>" in html
    assert 'alt="What the network sees, read as no digit"' in html


def test_steps_have_names_and_only_small_pictures_show_their_pixels():
    html = digits.steps([("Drawing", np.zeros((280, 280, 4), np.uint8)), ("Centred", np.zeros((28, 28), np.uint8))])
    assert re.findall("<figcaption>(.*?)</figcaption>", html) == ["Drawing", "Centred"]
    assert html.count('class="pixels"') == 1


def test_nothing_short_of_certain_is_called_certain():
    assert [digits.percent(share) for share in (0.0, 0.0001, 0.0006, 0.5, 0.9994, 0.9999, 1.0)] == [
        "0.0%",
        "&lt;0.1%",
        "0.1%",
        "50.0%",
        "99.9%",
        "&gt;99.9%",
        "&gt;99.9%",
    ]


def test_ten_bars_of_which_one_is_set_off():
    html = digits.probability_bars(np.array([0.01] * 7 + [0.9] + [0.015] * 2))
    assert len(re.findall('class="fill"', html)) == 10
    assert '<span class="label best">7</span>' in html
    assert html.count("label best") == 1
    assert "90.0%" in html
    assert "width:90.0%" in html


def test_bars_without_a_reading_are_empty_and_none_is_set_off():
    html = digits.probability_bars(None)
    assert "best" not in html
    assert html.count("–") == 10
    assert html.count("width:0.0%") == 10


def test_of_equal_bars_none_is_set_off():
    assert "best" not in digits.probability_bars(np.full(10, 0.1) + np.linspace(0, 1e-5, 10))


def test_the_gallery_says_true_and_predicted_of_each_digit_to_eye_and_ear():
    images = np.zeros((2, 28, 28), np.uint8)
    html = digits.gallery(images, [4, 9], [9, 4], [0.998, 0.5], [115, 7])
    assert "<b>4 → 9</b>" in html
    assert 'role="img" aria-label="Digit 115: a 4 read as 9"' in html
    assert "99.8% sure" in html
    assert html.count("<figure>") == 2


def test_the_gallery_is_one_picture_with_each_digit_in_its_place():
    images = np.random.default_rng(0).integers(0, 256, (23, 28, 28), np.uint8)
    html = digits.gallery(images, [0] * 23, [1] * 23, [0.5] * 23, range(23))
    (source,) = re.findall(r"data:image/png;base64,([^)\"]+)", html)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
    places = re.findall(r"background-size: (\d+)% (\d+)%; background-position: ([\d.]+)% ([\d.]+)%", html)
    assert len(places) == 23
    for image, place in zip(images, places, strict=True):
        columns, rows, across, down = (float(number) / 100 for number in place)
        left, top = round(across * (columns - 1)) * 28, round(down * (rows - 1)) * 28
        assert np.array_equal(sheet[top : top + 28, left : left + 28], image)


def test_a_gallery_of_one_row_or_none():
    one = digits.gallery(np.zeros((1, 28, 28), np.uint8), [1], [2], [0.5], [0])
    assert "background-size: 1000% 100%; background-position: 0% 0%" in one
    assert digits.gallery(np.zeros((0, 28, 28), np.uint8), [], [], [], []).count("<figure") == 0


def test_digits_that_can_be_picked_are_buttons():
    images = np.zeros((2, 28, 28), np.uint8)
    assert "<button" not in digits.gallery(images, [4, 9], [9, 4], [0.998, 0.5], [115, 7])
    html = digits.gallery(images, [4, 9], [9, 4], [0.998, 0.5], [115, 7], pick=True)
    assert re.findall(r'<button data-pick="(\d+)"', html) == ["115", "7"]


def test_remarks_frame_nothing():
    html = digits.gallery(np.zeros((1, 28, 28), np.uint8), [1], [3], [0.5], [7], remarks=["quality 0.001"])
    assert "quality 0.001" in html
    assert "noted" not in html


def test_every_picture_has_a_text():
    image = np.zeros((28, 28), np.uint8)
    for html in (network.network_view(image), digits.samples(image[None], [3])):
        assert re.search(r'<img [^>]*alt="[^"]+"', html)


def test_digit_scores_say_how_many_of_each_were_right():
    confusion = np.diag([100] * 9 + [0])
    confusion[3, 5] = 25
    html = digits.digit_scores(confusion)
    assert "80.0%" in html
    assert "25 wrong" in html
    assert html.count("100.0%") >= 8
    assert "–" in html, "of a digit that does not occur nothing is said"


def test_filters_are_warm_for_positive_and_cold_for_negative_weights():
    weights = np.zeros((3, 2, 2), np.float32)
    weights[0], weights[1] = 1, -1
    html = network.filters(weights)
    colours = [
        np.array(Image.open(io.BytesIO(base64.b64decode(part.split('"')[0])))) for part in html.split("base64,")[1:]
    ]
    assert [tuple(colour[0, 0]) for colour in colours] == [tuple(network.WARM), tuple(network.COLD), (0, 0, 0)]


def test_activations_show_the_digit_and_every_layer():
    html = network.activations(
        np.zeros((28, 28), np.uint8),
        [("Convolution", np.zeros((8, 5, 5), np.uint8)), ("Dense", np.zeros((1, 4, 32), np.uint8))],
    )
    assert html.count("<img") == 1 + 8 + 1
    assert html.count('class="wide"') == 1
    assert "Convolution" in html and "Dense" in html


def test_a_note_sets_a_digit_of_the_gallery_off():
    html = digits.gallery(np.zeros((2, 28, 28), np.uint8), [1, 2], [3, 4], [0.5, 0.5], [7, 8], ["forgotten", ""])
    assert html.count("class=noted") == html.count("forgotten") == 1
