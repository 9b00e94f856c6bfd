from itertools import pairwise

import pytest
from hands import NOT_DIGITS
from pen import STROKES, draw
from PIL import Image

VIEW = ".st-key-network_view img"
SURE = r"^\s*{digit}\s.*% sure"


@pytest.fixture
def visitor(server, open_visitor):
    visitor = open_visitor(server)
    visitor.visit("/draw")
    visitor.page.locator(".st-key-canvas canvas").last.wait_for()
    return visitor


def test_every_digit_is_read_after_the_last_stroke(visitor):
    """Without a button; and Clear makes room for the next."""
    assert visitor.text("prediction").strip() == "Draw a digit"
    for digit, strokes in STROKES.items():
        draw(visitor.page, strokes)
        visitor.wait_for("prediction", SURE.format(digit=digit))
        assert visitor.text("probabilities").split()[::2] == list("0123456789")
        visitor.press("clear")
        visitor.wait_for("prediction", "Draw a digit")


def test_the_answer_follows_each_stroke_and_undo_takes_one_back(visitor):
    first, second = STROKES[4]
    draw(visitor.page, [first])
    visitor.wait_for("prediction", "Not a digit")  # the left half of a 4
    visitor.settle()  # the answer comes a moment before the view
    before, seen = visitor.text("prediction"), visitor.page.locator(VIEW).get_attribute("src")
    draw(visitor.page, [second])
    visitor.wait_for("prediction", SURE.format(digit=4))
    visitor.page.wait_for_function(f"src => document.querySelector('{VIEW}').src !== src", arg=seen)
    visitor.press("undo")
    visitor.page.wait_for_function(f"src => document.querySelector('{VIEW}').src === src", arg=seen)
    visitor.settle()
    assert visitor.text("prediction") == before
    visitor.press("undo")
    visitor.wait_for("prediction", "Draw a digit")


def test_a_drawing_outlives_a_visit_to_another_page(visitor):
    draw(visitor.page, STROKES[3])
    visitor.wait_for("prediction", SURE.format(digit=3))
    visitor.follow("Errors")
    visitor.follow("Draw")
    visitor.wait_for("prediction", SURE.format(digit=3))
    visitor.press("clear")
    visitor.wait_for("prediction", "Draw a digit")


def choose(visitor, source: str) -> None:
    visitor.page.locator(".st-key-source").get_by_text(source, exact=True).click()
    visitor.settle()


def test_an_image_is_read_and_the_drawing_is_still_there_afterwards(visitor, tmp_path, drawing):
    draw(visitor.page, STROKES[3])
    visitor.wait_for("prediction", SURE.format(digit=3))
    Image.fromarray(drawing).save(tmp_path / "seven.png")
    choose(visitor, "Image file")
    visitor.wait_for("prediction", "Choose an image")
    visitor.page.locator(".st-key-upload input[type=file]").set_input_files(tmp_path / "seven.png")
    visitor.wait_for("prediction", SURE.format(digit=7))
    choose(visitor, "One digit")
    visitor.wait_for("prediction", SURE.format(digit=3))


def test_a_photo_is_read(visitor):
    choose(visitor, "Camera")
    visitor.page.get_by_role("button", name="Take Photo").click()
    visitor.wait_for("prediction", SURE.format(digit=3))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_number_is_read_on_a_wide_canvas_that_fits_the_screen(server, open_visitor, width):
    visitor = open_visitor(server, width=width)
    visitor.visit("/draw")
    choose(visitor, "A number")
    canvas = visitor.page.locator(".st-key-wide_canvas canvas").last
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box["x"] + box["width"] <= width
    for k, digit in enumerate((2, 0, 2, 6)):
        draw(visitor.page, STROKES[digit], "wide_canvas", (k, 4))
    visitor.wait_for("prediction", r"^\s*2026\s.*% sure")
    visitor.settle()  # the answer comes a moment before its digits
    assert visitor.page.locator(".st-key-digits figure").count() == 4


def test_one_click_on_the_true_digit_counts_and_the_misread_stay_in_view(visitor):
    draw(visitor.page, STROKES[3])
    visitor.wait_for("prediction", SURE.format(digit=3))
    visitor.page.locator(".st-key-truth").get_by_text("3", exact=True).click()
    visitor.wait_for("truth", "1 of 1 read right")
    visitor.press("clear")
    visitor.wait_for("prediction", "Draw a digit")
    draw(visitor.page, STROKES[7])
    visitor.wait_for("prediction", SURE.format(digit=7))
    visitor.page.locator(".st-key-truth").get_by_text("1", exact=True).click()
    visitor.wait_for("truth", "1 of 2 read right")
    assert visitor.text("misread").startswith("1 → 7")
    visitor.follow("Errors")
    visitor.follow("Draw")
    visitor.wait_for("truth", "1 of 2 read right")


def test_what_is_no_digit_is_refused(visitor):
    draw(visitor.page, NOT_DIGITS["smiley"])
    visitor.wait_for("prediction", "Not a digit")


def test_a_finger_on_a_narrow_screen(server, open_visitor):
    """The canvas fits a phone, and the answer can be seen without scrolling."""
    visitor = open_visitor(server, width=390, height=844, has_touch=True, is_mobile=True)
    visitor.visit("/draw")
    canvas = visitor.page.locator(".st-key-canvas canvas").last
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    session = visitor.page.context.new_cdp_session(visitor.page)
    for stroke in STROKES[7]:
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in stroke]
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
        for start, end in pairwise(points):
            for step in range(1, 9):
                between = {axis: start[axis] + (end[axis] - start[axis]) * step / 8 for axis in "xy"}
                session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [between]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    visitor.wait_for("prediction", SURE.format(digit=7))
    answer = visitor.page.locator(".st-key-prediction").bounding_box()
    assert answer["y"] + answer["height"] <= 844
