import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mnistdash.ui.html import digits, sprites


def text(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_a_data_url_preserves_the_image():
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    data = base64.b64decode(sprites.png_url(image).removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), image)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("digit", "4 80.0% runner-up 9, 20.0%"),
        ("unsure", "4 or 9 low confidence: 80.0% or 20.0%"),
        ("not a digit", "Not a digit 99.0%"),
    ],
)
def test_the_answer_shows_the_verdict(verdict, expected):
    probabilities = np.zeros(10)
    probabilities[[4, 9]] = 0.8, 0.2
    assert text(digits.answer(verdict, probabilities, 0.01)) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["digit", "digit"], "4 2 90.0% for both digits"),
        (["digit", "unsure"], "4 2 low confidence: 90.0% for both digits"),
        (["not a digit", "unsure"], "? 2 contains non-digits"),
    ],
)
def test_uncertain_digits_of_a_number_are_marked(verdicts, expected):
    html = digits.number(verdicts, "42", 0.9)
    assert text(html) == expected
    assert html.count("class=doubt") == sum(verdict != "digit" for verdict in verdicts)


def test_each_digit_of_a_number_has_a_card_with_ten_columns():
    view = np.zeros((28, 28), np.uint8)
    verdicts = ["digit", "unsure", "not a digit"]
    html = digits.cards([(verdict, view, np.full(10, 0.1)) for verdict in verdicts])
    assert html.count("<figure>") == 3
    assert html.count('class="fill"') == 30
    assert html.count("column best") == 3
    assert "<b>0</b> or <b>1</b>" in html
    assert 'alt="Network input, not a digit"' in html


def test_steps_have_names_and_only_small_images_have_sharp_pixels():
    html = digits.pictures([("Drawing", np.zeros((280, 280, 4), np.uint8)), ("Centered", np.zeros((28, 28), np.uint8))])
    assert re.findall("<figcaption>(.*?)</figcaption>", html) == ["Drawing", "Centered"]
    assert html.count('class="pixels"') == 1


def test_percentages_never_round_to_certainty():
    assert [digits.percent(share) for share in (0.0, 0.0001, 0.0006, 0.5, 0.9994, 0.9999, 1.0)] == [
        "0.0%",
        "&lt;0.1%",
        "0.1%",
        "50.0%",
        "99.9%",
        "&gt;99.9%",
        "&gt;99.9%",
    ]


def test_the_highest_of_ten_bars_is_emphasized():
    html = digits.probability_bars(np.array([0.01] * 7 + [0.9] + [0.015] * 2))
    assert len(re.findall('class="fill"', html)) == 10
    assert '<span class="label best">7</span>' in html
    assert html.count("label best") == 1
    assert "90.0%" in html
    assert "width:90.0%" in html


def test_bars_without_a_prediction_are_empty():
    html = digits.probability_bars(None)
    assert "best" not in html
    assert html.count("–") == 10
    assert html.count("width:0.0%") == 10


def test_equal_bars_are_not_emphasized():
    assert "best" not in digits.probability_bars(np.full(10, 0.1) + np.linspace(0, 1e-5, 10))


def test_the_gallery_shows_true_and_predicted_digits_also_to_screen_readers():
    images = np.zeros((2, 28, 28), np.uint8)
    html = digits.gallery(images, [(115, 4, 9, 0.998), (7, 9, 4, 0.5)])
    assert "<b>4 → 9</b>" in html
    assert 'role="img" aria-label="Digit 115: a 4 predicted as 9"' in html
    assert "99.8%" in html
    assert html.count("<figure>") == 2


def test_the_gallery_draws_all_digits_from_one_sprite():
    images = np.random.default_rng(0).integers(0, 256, (23, 28, 28), np.uint8)
    html = digits.gallery(images, [(index, 0, 1, 0.5) for index in range(23)])
    (source,) = re.findall(r"data:image/png;base64,([^)\"]+)", html)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
    places = re.findall(r"background-size: (\d+)% (\d+)%; background-position: ([\d.]+)% ([\d.]+)%", html)
    assert len(places) == 23
    for image, place in zip(images, places, strict=True):
        columns, rows, across, down = (float(number) / 100 for number in place)
        left, top = round(across * (columns - 1)) * 28, round(down * (rows - 1)) * 28
        assert np.array_equal(sheet[top : top + 28, left : left + 28], image)


def test_a_gallery_may_have_one_row_or_none():
    one = digits.gallery(np.zeros((1, 28, 28), np.uint8), [(0, 1, 2, 0.5)])
    assert "background-size: 1000% 100%; background-position: 0% 0%" in one
    assert digits.gallery(np.zeros((0, 28, 28), np.uint8), []).count("<figure") == 0


def test_selectable_digits_are_buttons():
    images = np.zeros((2, 28, 28), np.uint8)
    assert "<button" not in digits.gallery(images, [(115, 4, 9, 0.998), (7, 9, 4, 0.5)])
    html = digits.gallery(images, [(115, 4, 9, 0.998), (7, 9, 4, 0.5)], pick=True)
    assert re.findall(r'<button data-pick="(\d+)"', html) == ["115", "7"]


def test_remarks_do_not_frame_a_digit():
    html = digits.gallery(np.zeros((1, 28, 28), np.uint8), [(7, 1, 3, 0.5)], remarks={7: "quality 0.001"})
    assert "quality 0.001" in html
    assert "noted" not in html


def test_samples_have_text_alternatives():
    image = np.zeros((28, 28), np.uint8)
    assert re.search(r'<img [^>]*alt="[^"]+"', digits.samples(image[None], [3]))


def test_digit_scores_show_accuracy_and_errors_of_each_digit():
    confusion = np.diag([100] * 9 + [0])
    confusion[3, 5] = 25
    html = digits.digit_scores(confusion)
    assert "80.0%" in html
    assert "25 errors" in html
    assert html.count("100.0%") >= 8
    assert "–" in html, "a digit without images has no accuracy"


def test_a_note_frames_a_digit():
    html = digits.gallery(np.zeros((2, 28, 28), np.uint8), [(7, 1, 3, 0.5), (8, 2, 4, 0.5)], {7: "forgotten"})
    assert html.count("class=noted") == html.count("forgotten") == 1
