import base64
import gc
import io
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from hands import on_canvas
from page_text import text
from PIL import Image
from streamlit.testing.v1 import AppTest

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.evaluation.predictions import SplitPredictions
from mnistdash.imaging.normalize import to_mnist
from mnistdash.inference import recognize
from mnistdash.inference.model import load_model
from mnistdash.inference.recognize import DigitPrediction
from mnistdash.settings import PROJECT
from mnistdash.ui import widgets
from mnistdash.ui.draw.transfer import TransferredDigit

TITLE = "Test digit no. 1,234: a 1 read as 7"
IMAGE, PATH = {"type": "Image"}, {"type": "path"}  # what the canvas holds


def drawn(pixels: np.ndarray, objects: tuple[dict, ...] = (PATH,)) -> dict:
    """The canvas's state with this drawn in its upper left corner, (h, w) uint8, as the browser would send it."""
    file = io.BytesIO()
    height, width = pixels.shape
    on_it = np.pad(pixels, ((0, 280 - height), (0, (280 if width <= 280 else 560) - width)))
    Image.fromarray(on_it).convert("RGBA").save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": list(objects)}, "data": url}, "backgroundFit": None}


@pytest.fixture
def draw(page, flagship):
    """Open the page with something drawn."""

    def open_with(pixels: np.ndarray):
        test = page("draw")
        test.session_state["drawing"] = drawn(pixels)
        test.run()
        assert not test.exception
        return test

    return open_with


def source(test, name: str) -> None:
    """Choose where the image comes from."""
    test.segmented_control(key="source").set_value(name).run()
    assert not test.exception


def truth(test):
    """The ten digits to choose the true one from."""
    return next(pills for pills in test.pills if pills.key.startswith("truth"))


def test_a_session_keeps_what_was_read_last_and_not_of_each_drawing(draw, drawing):
    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, DigitPrediction) for each in gc.get_objects())

    test = draw(255 - drawing)
    few = kept()
    for _ in range(5):
        test.button(key="clear").click().run()
        test.session_state["drawing"] = drawn(255 - drawing)
        test.run()
        assert not truth(test).disabled
    assert kept() <= few + 1


def test_a_blank_canvas_invites_and_predicts_nothing(page, flagship):
    test = page("draw")
    shown = text(test)
    assert "Draw a digit" in shown
    assert "sure" not in shown
    assert "label best" not in shown
    assert truth(test).disabled


def test_a_drawing_is_read_with_all_there_is_to_say(draw, drawing):
    shown = text(draw(255 - drawing))
    assert '<span class="digit">7</span>' in shown
    assert "runner-up" in shown
    assert shown.count('class="fill"') == 10
    assert 'alt="The 28 by 28 image the network sees"' in shown
    assert "flagship read the drawing in" in shown
    assert "Draw a digit" not in shown


def test_the_steps_from_the_drawing_to_the_network_are_shown(draw, drawing):
    shown = text(draw(255 - drawing))
    names = ["Drawing", "Ink found", "Cropped", "Stroke width normalized", "Fitted to 20 × 20", "Centered in 28 × 28"]
    places = [shown.index(f"<figcaption>{name}</figcaption>") for name in names]
    assert places == sorted(places)


def test_what_is_no_digit_is_not_called_one(draw):
    shown = text(draw(on_canvas(["A"])))
    assert "Not a digit" in shown
    assert "runner-up" not in shown


def test_a_canvas_wiped_clean_is_blank_again(draw):
    assert "Draw a digit" in text(draw(np.zeros((280, 280), np.uint8)))


def test_another_model_reads_the_same_drawing(draw, make_run, drawing):
    make_run("other", events=[], card={"status": "finished"})
    test = draw(255 - drawing)
    test.selectbox(key="model").set_value("other").run()
    test.session_state["drawing"] = drawn(255 - drawing)
    test.run()
    assert "other read the drawing in" in text(test)


def test_a_number_is_read_digit_by_digit(page, flagship):
    test = page("draw")
    source(test, "A number")
    assert "Draw a number" in text(test)
    test.session_state["number"] = drawn(on_canvas("42"))
    test.run()
    assert not test.exception
    shown = text(test)
    assert '<span class="digit"><span class="sure">4</span><span class="sure">2</span></span>' in shown
    assert shown.count('class="rise"') == 20
    assert "<figcaption>Digit 2</figcaption>" in shown


def test_a_number_on_the_canvas_for_one_digit_is_read_too(draw):
    assert '<span class="sure">4</span><span class="sure">2</span>' in text(draw(on_canvas("42", box=140, pen=11)))


def test_one_click_on_the_true_digit_counts(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("7").run()
    assert "**1 of 1** read right." in text(test)
    assert "Misread" not in text(test)


def test_misread_drawings_stay_in_view_after_the_next_one(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("1").run()
    assert "**0 of 1** read right." in text(test)
    test.button(key="clear").click().run()
    test.session_state["drawing"] = drawn(on_canvas("3"))
    test.run()
    truth(test).set_value("3").run()
    shown = text(test)
    assert "**1 of 2** read right." in shown
    assert "<b>1 → 7</b>" in shown


def test_what_was_counted_still_counts_when_it_is_erased(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("1").run()
    test.session_state["drawing"] = drawn(np.zeros((280, 280), np.uint8), (PATH, PATH))
    test.run()
    shown = text(test)
    assert "Draw a digit" in shown
    assert "**0 of 1** read right." in shown
    assert "<b>1 → 7</b>" in shown


def test_a_click_can_be_taken_back(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("1").run()
    truth(test).set_value(None).run()
    assert "read right" not in text(test)


def upload(page, data: bytes):
    test = page("draw")
    source(test, "Image file")
    test.file_uploader(key="upload").set_value(("seven.png", data, "image/png")).run()
    assert not test.exception
    return test


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_an_uploaded_image_is_read(page, flagship, drawing):
    test = upload(page, png(drawing))
    assert '<span class="digit">7</span>' in text(test)
    assert "flagship read the image in" in text(test)


def test_an_upload_that_is_no_image_gets_one_sentence(page, flagship):
    test = upload(page, b"hello")
    assert [error.value for error in test.error] == [
        "`seven.png`: not an image in a supported format; use PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC."
    ]
    assert "Choose an image" in text(test)


def test_a_blank_upload_says_so(page, flagship):
    assert "This image is blank" in text(upload(page, png(np.full((50, 50), 255, np.uint8))))


def test_the_camera_is_asked_for_only_when_chosen(page, flagship):
    test = page("draw")
    assert not test.get("camera_input")
    source(test, "Camera")
    assert not test.exception
    assert test.get("camera_input")
    assert "Take a photo" in text(test)


@pytest.fixture
def digit(drawing) -> np.ndarray:
    """A 7 as MNIST would show it, (28, 28) uint8."""
    return np.round(255 * to_mnist(drawing)).astype(np.uint8)


@pytest.fixture
def handed_over(page, flagship, digit):
    """The page as another page opens it to hand over a 7."""
    test = page("draw")
    test.session_state["handover"] = TransferredDigit(digit, TITLE, "flagship", {"model": "flagship", "digit": "1234"})
    test.run()
    assert not test.exception
    return test


def on_the_canvas(test) -> list[str]:
    """Kinds of the objects that the canvas is told to show."""
    return [shown["type"] for shown in test.session_state["drawing_start"]["objects"]]


def test_a_digit_that_is_handed_over_is_on_the_canvas_and_read_at_once(handed_over):
    shown = text(handed_over)
    assert TITLE in shown
    assert '<span class="digit">7</span>' in shown
    assert on_the_canvas(handed_over) == ["Image"]
    assert "Reduced to 28 × 28" in shown


def test_a_handed_over_digit_is_read_pixel_by_pixel(flagship, models, sample):
    model = load_model("flagship", models)
    images = sample.test.images[:20]
    for image, probabilities in zip(images, model(images), strict=True):
        answer = recognize.recognize_unprocessed(TransferredDigit(image, TITLE, "flagship").picture, model)
        assert np.allclose(answer.whole.probabilities, probabilities, atol=1e-5)


def test_a_handed_over_digit_takes_the_place_of_what_was_drawn(page, flagship, draw, digit):
    test = draw(on_canvas("3"))
    truth(test).set_value("3").run()
    source(test, "A number")
    test.session_state["handover"] = TransferredDigit(digit, TITLE, "flagship")
    test.run()
    assert not test.exception
    assert test.segmented_control(key="source").value == "One digit"
    assert '<span class="digit">7</span>' in text(test)


def test_a_handed_over_digit_is_read_by_the_model_that_misread_it(page, make_run, flagship, digit):
    make_run("other", events=[], card={"status": "finished"})
    test = page("draw")
    test.session_state["handover"] = TransferredDigit(digit, TITLE, "other")
    test.run()
    assert "other read the drawing in" in text(test)


def test_the_way_back_leads_to_where_it_came_from(handed_over):
    link = next(link.proto for link in handed_over.get("page_link") if link.proto.label == "Back to the errors")
    assert (link.page, link.query_string) == ("errors", "model=flagship&digit=1234")


def test_a_handed_over_digit_does_not_count_as_a_drawing(handed_over):
    assert not [pills for pills in handed_over.pills if pills.key.startswith("truth")]


def test_clear_empties_the_canvas_of_a_handed_over_digit(handed_over):
    handed_over.button(key="clear").click().run()
    shown = text(handed_over)
    assert "Draw a digit" in shown
    assert TITLE not in shown
    assert not on_the_canvas(handed_over)
    assert truth(handed_over)


def test_undo_takes_back_strokes_and_not_the_handed_over_digit(handed_over, digit):
    handed_over.session_state["drawing"] = drawn(on_canvas("3"), (IMAGE, PATH, PATH))
    handed_over.run()
    for left in (["Image", "path"], ["Image"], ["Image"]):
        handed_over.button(key="undo").click().run()
        assert on_the_canvas(handed_over) == left
        objects = tuple(handed_over.session_state["drawing_start"]["objects"])
        handed_over.session_state["drawing"] = drawn(on_canvas("3"), objects)
        handed_over.run()


def test_another_page_hands_over_from_a_fragment(tmp_path, flagship, make_run, digit):
    """The page that is left has a selectbox for the model, bound to its address, where another one is chosen."""
    make_run("other", events=[], card={"status": "finished"})
    shutil.copytree(PROJECT / "pages", tmp_path / "pages")
    np.save(tmp_path / "digit.npy", digit)
    (tmp_path / "app.py").write_text(
        "import numpy as np\nimport streamlit as st\n"
        "from mnistdash.ui import widgets\nfrom mnistdash.ui.draw.transfer import to_draw\n"
        "widgets.model_picker()\n"
        "@st.fragment\ndef part():\n"
        "    if st.button('Fix it', key='fix'):\n"
        f"        to_draw(np.load({str(tmp_path / 'digit.npy')!r}), {TITLE!r}, 'other', {{'digit': '5'}})\n"
        "part()\n"
    )
    test = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=90).run()
    assert test.selectbox(key="model").value == "flagship"
    test.button(key="fix").click().run()
    assert not test.exception
    assert TITLE in text(test)
    assert '<span class="digit">7</span>' in text(test)
    assert "other read the drawing in" in text(test)


def canvas_data(test) -> dict:
    """What the canvas is told."""
    return json.loads(test.get("bidi_component")[0].proto.json)


def test_the_eraser_draws_in_the_colour_of_the_background(draw, drawing):
    test = draw(255 - drawing)
    assert canvas_data(test)["strokeColor"] == "#ffffff"
    test.segmented_control(key="tool").set_value("Eraser").run()
    told = canvas_data(test)
    assert told["strokeColor"] == told["backgroundColor"]


@pytest.fixture
def misread(monkeypatch, with_sample):
    """Ten test digits of the sample are misread; what is drawn is the likest to the last of them."""
    split = with_sample.test
    probabilities = np.zeros((len(split), 10), np.float32)
    probabilities[np.arange(len(split)), split.labels] = 1
    errors = np.arange(20, 30)
    probabilities[errors] = np.roll(probabilities[errors], 1, axis=1)
    features = np.zeros((len(split), 2), np.float16)
    features[:, 0] = -np.arange(len(split))
    pca = SimpleNamespace(project=lambda features: np.array([[-29.0, 0.0]] * len(features), np.float32))
    found = SplitPredictions(Evaluation(split.labels, probabilities), features, pca)
    monkeypatch.setattr(widgets, "split_predictions", lambda run, data, name: found)
    return errors


def similar(test) -> str:
    """The test errors that look like the drawing, as HTML; "" where they are not shown."""
    shown = [json.loads(part.proto.json)["html"] for part in test.get("bidi_component")[1:]]
    return "".join(shown)


def test_the_test_errors_that_look_like_a_drawing_are_shown_when_asked_for(draw, drawing, misread, sample):
    test = draw(255 - drawing)
    assert not similar(test)
    test.toggle(key="similar").set_value(True).run()
    assert not test.exception
    html = similar(test)
    assert [int(index) for index in re.findall(r'data-pick="(\d+)"', html)] == [29, 28, 27, 26, 25, 24, 23, 22]
    true = int(sample.test.labels[29])
    assert f"<b>{true} → {(true + 1) % 10}</b>" in html


def test_what_is_no_digit_has_no_test_errors_that_look_like_it(draw, misread):
    test = draw(on_canvas(["A"]))
    assert not test.toggle


def test_a_model_without_errors_says_so(draw, drawing, misread, monkeypatch, sample):
    labels = sample.test.labels
    perfect = Evaluation(labels, np.eye(10, dtype=np.float32)[labels])
    found = SplitPredictions(perfect, np.zeros((len(labels), 2), np.float16), None)
    monkeypatch.setattr(widgets, "split_predictions", lambda run, data, name: found)
    test = draw(255 - drawing)
    test.toggle(key="similar").set_value(True).run()
    assert not test.exception
    assert "No digit of the test split is misread." in text(test)
