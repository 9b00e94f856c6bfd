from itertools import pairwise

import pytest
from hands import NOT_DIGITS
from pen import STROKES, draw
from PIL import Image

pytestmark = pytest.mark.slow

VIEW = ".md-view img"
PREDICTED = r"^\s*{digit}\s.*%\s+runner-up"


@pytest.fixture
def visitor(shared_server, open_visitor):
    visitor = open_visitor(shared_server)
    visitor.visit("/draw")
    visitor.page.locator(".st-key-canvas canvas").last.wait_for()
    return visitor


def test_every_digit_is_predicted_after_its_last_stroke(visitor):
    """Predict without a button, and clear the canvas for the next digit."""
    assert visitor.text("prediction").strip() == "Draw a digit"
    for digit, strokes in STROKES.items():
        draw(visitor.page, strokes)
        visitor.wait_for("prediction", PREDICTED.format(digit=digit))
        assert visitor.page.locator(".md-bars").inner_text().split()[::2] == list("0123456789")
        visitor.press("clear")
        visitor.wait_for("prediction", "Draw a digit")


def test_the_prediction_follows_each_stroke_and_undo_removes_one(visitor):
    first, second = STROKES[4]
    draw(visitor.page, [first])
    visitor.wait_for("prediction", "Not a digit")  # the left half of a 4
    visitor.settle()  # the prediction appears before the network input
    before, seen = visitor.text("prediction"), visitor.page.locator(VIEW).get_attribute("src")
    draw(visitor.page, [second])
    visitor.wait_for("prediction", PREDICTED.format(digit=4))
    visitor.page.wait_for_function(f"src => document.querySelector('{VIEW}').src !== src", arg=seen)
    visitor.press("undo")
    visitor.page.wait_for_function(f"src => document.querySelector('{VIEW}').src === src", arg=seen)
    visitor.settle()
    assert visitor.text("prediction") == before
    visitor.press("undo")
    visitor.wait_for("prediction", "Draw a digit")


def test_a_drawing_survives_a_visit_to_another_page(visitor):
    draw(visitor.page, STROKES[3])
    visitor.wait_for("prediction", PREDICTED.format(digit=3))
    visitor.follow("Errors")
    visitor.follow("Draw")
    visitor.wait_for("prediction", PREDICTED.format(digit=3))
    visitor.press("clear")
    visitor.wait_for("prediction", "Draw a digit")


def test_the_toolbar_of_the_canvas_covers_nothing(visitor):
    visitor.page.locator(".st-key-canvas canvas").last.hover()
    visitor.page.wait_for_timeout(1000)  # slide-in animation
    toolbar = visitor.page.locator(".st-key-canvas").get_by_role("button", name="Redo").bounding_box()
    select = visitor.page.get_by_test_id("stSelectbox").bounding_box()
    assert toolbar["y"] >= select["y"] + select["height"]


def choose(visitor, source: str) -> None:
    visitor.page.locator(".st-key-source").get_by_text(source, exact=True).click()
    visitor.settle()


def test_an_image_is_predicted_and_the_drawing_is_kept(visitor, tmp_path, drawing):
    draw(visitor.page, STROKES[3])
    visitor.wait_for("prediction", PREDICTED.format(digit=3))
    Image.fromarray(drawing).save(tmp_path / "seven.png")
    choose(visitor, "Image file")
    visitor.wait_for("prediction", "Choose an image")
    visitor.page.locator(".st-key-upload input[type=file]").set_input_files(tmp_path / "seven.png")
    visitor.wait_for("prediction", PREDICTED.format(digit=7))
    choose(visitor, "One digit")
    visitor.wait_for("prediction", PREDICTED.format(digit=3))


def test_a_photo_is_predicted(visitor):
    choose(visitor, "Camera")
    visitor.page.get_by_role("button", name="Take Photo").click()
    visitor.wait_for("prediction", PREDICTED.format(digit=3))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_number_is_predicted_on_a_canvas_that_fits_the_screen(shared_server, open_visitor, width):
    visitor = open_visitor(shared_server, width=width)
    visitor.visit("/draw")
    choose(visitor, "Number")
    canvas = visitor.page.locator(".st-key-wide_canvas canvas").last
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box["x"] + box["width"] <= width
    for k, digit in enumerate((2, 0, 2, 6)):
        draw(visitor.page, STROKES[digit], "wide_canvas", (k, 4))
    visitor.wait_for("prediction", r"^\s*2026\s.*%\s+for all 4 digits")
    visitor.settle()  # the number appears before its digits
    assert visitor.page.locator(".st-key-digits figure").count() == 4


def test_a_click_on_the_true_digit_counts_and_misclassified_drawings_stay(visitor):
    draw(visitor.page, STROKES[3])
    visitor.wait_for("prediction", PREDICTED.format(digit=3))
    visitor.page.locator(".st-key-truth").get_by_text("3", exact=True).click()
    visitor.wait_for("truth", "1 of 1 correct")
    visitor.press("clear")
    visitor.wait_for("prediction", "Draw a digit")
    draw(visitor.page, STROKES[7])
    visitor.wait_for("prediction", PREDICTED.format(digit=7))
    visitor.page.locator(".st-key-truth").get_by_text("1", exact=True).click()
    visitor.wait_for("truth", "1 of 2 correct")
    assert visitor.text("misclassified").startswith("1 → 7")
    visitor.follow("Errors")
    visitor.follow("Draw")
    visitor.wait_for("truth", "1 of 2 correct")


def test_a_non_digit_is_rejected(visitor):
    draw(visitor.page, NOT_DIGITS["smiley"])
    visitor.wait_for("prediction", "Not a digit")


def test_a_finger_on_a_narrow_screen(shared_server, open_visitor):
    """The canvas fits the screen, and the prediction is visible without scrolling."""
    visitor = open_visitor(shared_server, width=390, height=844, has_touch=True, is_mobile=True)
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
    visitor.wait_for("prediction", PREDICTED.format(digit=7))
    answer = visitor.page.locator(".st-key-prediction").bounding_box()
    assert answer["y"] + answer["height"] <= 844


def use(visitor, tool: str) -> None:
    visitor.page.locator(".st-key-tool").get_by_text(tool, exact=True).click()
    visitor.settle()


def zigzag() -> list[tuple[float, float]]:
    """Return one stroke that covers the whole canvas."""
    rows = [row / 24 for row in range(25)]
    return [(x, row) for k, row in enumerate(rows) for x in ((0.0, 1.0) if k % 2 == 0 else (1.0, 0.0))]


def test_the_eraser_removes_strokes_up_to_a_blank_canvas(visitor):
    draw(visitor.page, STROKES[7])
    visitor.wait_for("prediction", PREDICTED.format(digit=7))
    use(visitor, "Eraser")
    draw(visitor.page, [[(0.2, 0.18), (0.58, 0.18)]])  # the bar
    visitor.wait_for("prediction", PREDICTED.format(digit=1))
    visitor.press("undo")
    visitor.wait_for("prediction", PREDICTED.format(digit=7))
    draw(visitor.page, [zigzag()])
    visitor.wait_for("prediction", "Draw a digit")
    use(visitor, "Pen")
    draw(visitor.page, STROKES[3])
    visitor.wait_for("prediction", PREDICTED.format(digit=3))


@pytest.mark.parametrize("width", [1280, 390])
def test_the_buttons_of_the_canvas_fit_in_one_row(shared_server, open_visitor, width):
    visitor = open_visitor(shared_server, width=width)
    visitor.visit("/draw")
    visitor.page.locator(".st-key-canvas canvas").last.wait_for()
    boxes = [visitor.page.locator(f".st-key-{key}").bounding_box() for key in ("tool", "clear", "undo")]
    middles = [box["y"] + box["height"] / 2 for box in boxes]
    assert max(middles) - min(middles) < 2
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)


@pytest.mark.parametrize(("width", "canvas", "source"), [(1280, "canvas", None), (390, "wide_canvas", "Number")])
def test_nothing_moves_when_the_canvas_loads(shared_server, open_visitor, width, canvas, source):
    visitor = open_visitor(shared_server, width=width)
    visitor.visit("/draw")
    if source:
        choose(visitor, source)
    visitor.page.locator(f".st-key-{canvas} canvas").last.wait_for()
    with_canvas = visitor.page.locator(".st-key-clear").bounding_box()
    visitor.page.add_style_tag(content=f".st-key-{canvas} > * {{ display: none }}")
    without_canvas = visitor.page.locator(".st-key-clear").bounding_box()
    assert abs(with_canvas["y"] - without_canvas["y"]) < 2


@pytest.fixture
def transferred(shared_server, open_visitor, mnist):
    """Transfer test digit no. 2130, a 4 predicted as 9, from Errors to Draw."""
    visitor = open_visitor(shared_server)
    visitor.visit("/errors?digit=2130")
    visitor.press("fix")
    visitor.wait_for("handed", "Test digit no. 2,130: a 4")
    visitor.page.locator(".st-key-canvas canvas").last.wait_for()
    visitor.settle()
    return visitor


def test_a_transferred_digit_keeps_its_prediction_until_it_is_edited(transferred):
    transferred.wait_for("prediction", PREDICTED.format(digit=9))
    seen = transferred.page.locator(VIEW).get_attribute("src")
    use(transferred, "Eraser")
    draw(transferred.page, [[(0.56, 0.2), (0.6, 0.36), (0.52, 0.4)]])  # the stroke that closes the loop
    transferred.wait_for("prediction", PREDICTED.format(digit=4))
    transferred.press("undo")
    transferred.wait_for("prediction", PREDICTED.format(digit=9))
    transferred.settle()
    assert transferred.page.locator(VIEW).get_attribute("src") == seen, "the canvas does not change the digit's pixels"


def test_clear_removes_a_transferred_digit(transferred):
    transferred.press("clear")
    transferred.wait_for("prediction", "Draw a digit")
    transferred.settle()
    assert not transferred.page.locator(".st-key-handed").count()
    draw(transferred.page, STROKES[3])
    transferred.wait_for("prediction", PREDICTED.format(digit=3))


def test_a_transferred_digit_survives_a_visit_to_another_page_and_leads_back(transferred):
    transferred.follow("Train")
    transferred.follow("Draw")
    transferred.wait_for("prediction", PREDICTED.format(digit=9))
    transferred.page.locator(".st-key-handed").get_by_role("link").click()
    transferred.page.locator(".st-key-fix").wait_for()
    assert transferred.page.url.endswith("/errors?digit=2130")


def test_a_similar_test_error_opens_and_the_drawing_is_kept(visitor, mnist):
    draw(visitor.page, STROKES[4])
    visitor.wait_for("prediction", PREDICTED.format(digit=4))
    visitor.page.locator(".st-key-similar").get_by_text("similar test errors").click()
    first = visitor.page.locator(".st-key-similar_digits button").first
    index = first.get_attribute("data-pick")
    first.click()
    visitor.page.locator(".st-key-fix").wait_for()
    assert visitor.page.url.endswith(f"/errors?digit={index}")
    visitor.follow("Draw")
    visitor.wait_for("prediction", PREDICTED.format(digit=4))
