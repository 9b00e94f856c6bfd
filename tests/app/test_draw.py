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
from mnistdash.imaging.normalize import normalization_steps, to_mnist
from mnistdash.inference import recognize
from mnistdash.inference.model import load_model
from mnistdash.inference.recognize import DigitPrediction
from mnistdash.settings import PROJECT
from mnistdash.ui import widgets
from mnistdash.ui.draw.transfer import TransferredDigit

TITLE = "Test digit no. 1,234: a 1 predicted as 7"
IMAGE, PATH = {"type": "Image"}, {"type": "path"}  # Fabric.js objects


def drawn(pixels: np.ndarray, objects: tuple[dict, ...] = (PATH,)) -> dict:
    """Return the canvas state for pixels, (h, w) uint8, in the upper left corner."""
    file = io.BytesIO()
    height, width = pixels.shape
    canvas = np.pad(pixels, ((0, 280 - height), (0, (280 if width <= 280 else 560) - width)))
    Image.fromarray(canvas).convert("RGBA").save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": list(objects)}, "data": url}, "backgroundFit": None}


@pytest.fixture
def draw(page, flagship):
    """Return a function that opens the page with a drawing: draw(pixels)."""

    def open_with(pixels: np.ndarray):
        test = page("draw")
        test.session_state["drawing"] = drawn(pixels)
        test.run()
        assert not test.exception
        return test

    return open_with


def choose_source(test, name: str) -> None:
    test.segmented_control(key="source").set_value(name).run()
    assert not test.exception


def truth(test):
    """Return the pills for the true digit."""
    return next(pills for pills in test.pills if pills.key.startswith("truth"))


@pytest.mark.slow
def test_a_session_keeps_only_the_last_prediction(draw, drawing):
    """Otherwise a session grows with every drawing."""

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


def test_a_blank_canvas_shows_a_prompt_and_no_prediction(page, flagship):
    test = page("draw")
    shown = text(test)
    assert "Draw a digit" in shown
    assert "runner-up" not in shown
    assert "label best" not in shown
    assert truth(test).disabled


def test_a_drawing_is_predicted_with_probabilities_and_network_input(draw, drawing):
    shown = text(draw(255 - drawing))
    assert '<span class="digit">7</span>' in shown
    assert "runner-up" in shown
    assert shown.count('class="fill"') == 10
    assert 'alt="28 by 28 network input"' in shown
    assert "Predicted by flagship in" in shown
    assert "Draw a digit" not in shown


@pytest.mark.slow
def test_the_preprocessing_steps_are_shown_in_order(draw, drawing):
    shown = text(draw(255 - drawing))
    names = ["Original", "Foreground", *(name for name, _ in normalization_steps(np.ones((9, 5), np.float32)))]
    places = [shown.index(f"<figcaption>{name}</figcaption>") for name in names]
    assert places == sorted(places)


def test_a_letter_is_not_a_digit(draw):
    shown = text(draw(on_canvas(["A"])))
    assert "Not a digit" in shown
    assert "runner-up" not in shown


@pytest.mark.slow
def test_an_erased_canvas_is_blank(draw):
    assert "Draw a digit" in text(draw(np.zeros((280, 280), np.uint8)))


@pytest.mark.slow
def test_the_chosen_model_predicts(draw, make_run, drawing):
    make_run("other", events=[], card={"status": "finished"})
    test = draw(255 - drawing)
    test.selectbox(key="model").set_value("other").run()
    test.session_state["drawing"] = drawn(255 - drawing)
    test.run()
    assert "Predicted by other in" in text(test)


def test_a_number_is_predicted_digit_by_digit(page, flagship):
    test = page("draw")
    choose_source(test, "Number")
    assert "Draw a number" in text(test)
    test.session_state["number"] = drawn(on_canvas("42"))
    test.run()
    assert not test.exception
    shown = text(test)
    assert '<span class="digit"><span>4</span><span>2</span></span>' in shown
    assert shown.count('class="rise"') == 20
    assert "<figcaption>Digit 2</figcaption>" in shown


@pytest.mark.slow
def test_a_number_on_the_canvas_for_one_digit_is_predicted_too(draw):
    assert "<span>4</span><span>2</span>" in text(draw(on_canvas("42", box=140, pen=11)))


@pytest.mark.slow
def test_a_click_on_the_true_digit_counts_the_drawing(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("7").run()
    assert "**1 of 1** correct." in text(test)
    assert "Misclassified" not in text(test)


@pytest.mark.slow
def test_misclassified_drawings_stay_visible(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("1").run()
    assert "**0 of 1** correct." in text(test)
    test.button(key="clear").click().run()
    test.session_state["drawing"] = drawn(on_canvas("3"))
    test.run()
    truth(test).set_value("3").run()
    shown = text(test)
    assert "**1 of 2** correct." in shown
    assert "<b>1 → 7</b>" in shown


@pytest.mark.slow
def test_an_erased_drawing_still_counts(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("1").run()
    test.session_state["drawing"] = drawn(np.zeros((280, 280), np.uint8), (PATH, PATH))
    test.run()
    shown = text(test)
    assert "Draw a digit" in shown
    assert "**0 of 1** correct." in shown
    assert "<b>1 → 7</b>" in shown


@pytest.mark.slow
def test_a_click_can_be_undone(draw, drawing):
    test = draw(255 - drawing)
    truth(test).set_value("1").run()
    truth(test).set_value(None).run()
    assert "correct." not in text(test)


def upload(page, data: bytes):
    test = page("draw")
    choose_source(test, "Image file")
    test.file_uploader(key="upload").set_value(("seven.png", data, "image/png")).run()
    assert not test.exception
    return test


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_an_uploaded_image_is_predicted(page, flagship, drawing):
    test = upload(page, png(drawing))
    assert '<span class="digit">7</span>' in text(test)
    assert "Predicted by flagship in" in text(test)


def test_an_unreadable_upload_shows_an_error(page, flagship):
    test = upload(page, b"hello")
    assert [error.value for error in test.error] == [
        "`seven.png`: not an image in a supported format; use PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC."
    ]
    assert "Choose an image" in text(test)


@pytest.mark.slow
def test_a_blank_upload_is_reported(page, flagship):
    assert "The image is blank" in text(upload(page, png(np.full((50, 50), 255, np.uint8))))


@pytest.mark.slow
def test_the_camera_is_used_only_when_chosen(page, flagship):
    test = page("draw")
    assert not test.get("camera_input")
    choose_source(test, "Camera")
    assert not test.exception
    assert test.get("camera_input")
    assert "Take a photo" in text(test)


@pytest.fixture
def digit(drawing) -> np.ndarray:
    """Return a normalized 7, (28, 28) uint8."""
    return np.round(255 * to_mnist(drawing)).astype(np.uint8)


@pytest.fixture
def transferred(page, flagship, digit):
    """Return the page with a 7 transferred from Errors."""
    test = page("draw")
    test.session_state["transfer"] = TransferredDigit(digit, TITLE, "flagship", {"model": "flagship", "digit": "1234"})
    test.run()
    assert not test.exception
    return test


def on_the_canvas(test) -> list[str]:
    """Return the types of the objects loaded into the canvas."""
    return [shown["type"] for shown in test.session_state["drawing_start"]["objects"]]


def test_a_transferred_digit_is_on_the_canvas_and_predicted(transferred):
    shown = text(transferred)
    assert TITLE in shown
    assert '<span class="digit">7</span>' in shown
    assert on_the_canvas(transferred) == ["Image"]
    assert "Resized to 28 × 28" in shown


@pytest.mark.slow
def test_a_transferred_digit_reaches_the_network_unchanged(flagship, models, sample):
    model = load_model("flagship", models)
    images = sample.test.images[:20]
    for image, probabilities in zip(images, model(images), strict=True):
        answer = recognize.recognize_unprocessed(TransferredDigit(image, TITLE, "flagship").picture, model)
        assert np.allclose(answer.whole.probabilities, probabilities, atol=1e-5)


@pytest.mark.slow
def test_a_transferred_digit_replaces_the_drawing(page, flagship, draw, digit):
    test = draw(on_canvas("3"))
    truth(test).set_value("3").run()
    choose_source(test, "Number")
    test.session_state["transfer"] = TransferredDigit(digit, TITLE, "flagship")
    test.run()
    assert not test.exception
    assert test.segmented_control(key="source").value == "One digit"
    assert '<span class="digit">7</span>' in text(test)


@pytest.mark.slow
def test_a_transferred_digit_is_predicted_by_the_model_it_comes_from(page, make_run, flagship, digit):
    make_run("other", events=[], card={"status": "finished"})
    test = page("draw")
    test.session_state["transfer"] = TransferredDigit(digit, TITLE, "other")
    test.run()
    assert "Predicted by other in" in text(test)


@pytest.mark.slow
def test_a_link_leads_back_to_the_digit_on_errors(transferred):
    link = next(link.proto for link in transferred.get("page_link") if link.proto.label == "Back to Errors")
    assert (link.page, link.query_string) == ("errors", "model=flagship&digit=1234")


@pytest.mark.slow
def test_a_transferred_digit_is_not_counted(transferred):
    assert not [pills for pills in transferred.pills if pills.key.startswith("truth")]


@pytest.mark.slow
def test_clear_removes_a_transferred_digit(transferred):
    transferred.button(key="clear").click().run()
    shown = text(transferred)
    assert "Draw a digit" in shown
    assert TITLE not in shown
    assert not on_the_canvas(transferred)
    assert truth(transferred)


@pytest.mark.slow
def test_undo_removes_strokes_but_not_the_transferred_digit(transferred, digit):
    transferred.session_state["drawing"] = drawn(on_canvas("3"), (IMAGE, PATH, PATH))
    transferred.run()
    for left in (["Image", "path"], ["Image"], ["Image"]):
        transferred.button(key="undo").click().run()
        assert on_the_canvas(transferred) == left
        objects = tuple(transferred.session_state["drawing_start"]["objects"])
        transferred.session_state["drawing"] = drawn(on_canvas("3"), objects)
        transferred.run()


@pytest.mark.slow
def test_a_fragment_of_another_page_transfers_a_digit(tmp_path, flagship, make_run, digit):
    """Another model is selected on the other page, whose selectbox is bound to the address."""
    make_run("other", events=[], card={"status": "finished"})
    shutil.copytree(PROJECT / "pages", tmp_path / "pages")
    np.save(tmp_path / "digit.npy", digit)
    (tmp_path / "app.py").write_text(
        "import numpy as np\nimport streamlit as st\n"
        "from mnistdash.ui import widgets\nfrom mnistdash.ui.draw.transfer import TransferredDigit, to_draw\n"
        "widgets.model_picker()\n"
        "@st.fragment\ndef part():\n"
        "    if st.button('Fix it', key='fix'):\n"
        f"        image = np.load({str(tmp_path / 'digit.npy')!r})\n"
        f"        to_draw(TransferredDigit(image, {TITLE!r}, 'other', {{'digit': '5'}}))\n"
        "part()\n"
    )
    test = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=90).run()
    assert test.selectbox(key="model").value == "flagship"
    test.button(key="fix").click().run()
    assert not test.exception
    assert TITLE in text(test)
    assert '<span class="digit">7</span>' in text(test)
    assert "Predicted by other in" in text(test)


def canvas_data(test) -> dict:
    """Return the arguments of the canvas."""
    return json.loads(test.get("bidi_component")[0].proto.json)


@pytest.mark.slow
def test_the_eraser_draws_in_the_background_color(draw, drawing):
    test = draw(255 - drawing)
    assert canvas_data(test)["strokeColor"] == "#ffffff"
    test.segmented_control(key="tool").set_value("Eraser").run()
    data = canvas_data(test)
    assert data["strokeColor"] == data["backgroundColor"]


@pytest.fixture
def errors(monkeypatch, with_sample):
    """Misclassify ten test digits of the sample and make the last one most similar to every drawing."""
    split = with_sample.test
    probabilities = np.zeros((len(split), 10), np.float32)
    probabilities[np.arange(len(split)), split.labels] = 1
    wrong = np.arange(20, 30)
    probabilities[wrong] = np.roll(probabilities[wrong], 1, axis=1)
    features = np.zeros((len(split), 2), np.float16)
    features[:, 0] = -np.arange(len(split))
    pca = SimpleNamespace(project=lambda features: np.array([[-29.0, 0.0]] * len(features), np.float32))
    found = SplitPredictions(Evaluation(split.labels, probabilities), features, pca)
    monkeypatch.setattr(widgets, "split_predictions", lambda run, data, name: found)
    return wrong


def similar(test) -> str:
    """Return the HTML of the similar test errors, or "" if they are hidden."""
    shown = [json.loads(part.proto.json)["html"] for part in test.get("bidi_component")[1:]]
    return "".join(shown)


def test_similar_test_errors_are_shown_on_request(draw, drawing, errors, sample):
    test = draw(255 - drawing)
    assert not similar(test)
    test.toggle(key="similar").set_value(True).run()
    assert not test.exception
    html = similar(test)
    assert [int(index) for index in re.findall(r'data-pick="(\d+)"', html)] == [29, 28, 27, 26, 25, 24, 23, 22]
    true = int(sample.test.labels[29])
    assert f"<b>{true} → {(true + 1) % 10}</b>" in html


@pytest.mark.slow
def test_a_non_digit_has_no_similar_test_errors(draw, errors):
    test = draw(on_canvas(["A"]))
    assert not test.toggle


@pytest.mark.slow
def test_a_model_without_errors_has_no_similar_test_errors(draw, drawing, errors, monkeypatch, sample):
    labels = sample.test.labels
    perfect = Evaluation(labels, np.eye(10, dtype=np.float32)[labels])
    found = SplitPredictions(perfect, np.zeros((len(labels), 2), np.float16), None)
    monkeypatch.setattr(widgets, "split_predictions", lambda run, data, name: found)
    test = draw(255 - drawing)
    test.toggle(key="similar").set_value(True).run()
    assert not test.exception
    assert "flagship makes no errors on the test split." in text(test)
