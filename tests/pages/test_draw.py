import base64
import io

import numpy as np
import pytest
from hands import on_canvas
from page_text import text
from PIL import Image


def drawn(pixels: np.ndarray) -> dict:
    """The canvas's state with this drawn on it, (h, w) uint8, as the browser would send it."""
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGBA").save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": [{"type": "path"}]}, "data": url}, "backgroundFit": None}


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
    names = ["Drawing", "Ink found", "Cropped", "Stroke evened", "Fitted to 20 × 20", "Centred in 28 × 28"]
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
    assert '<span class="sure">4</span><span class="sure">2</span>' in text(draw(on_canvas("42")))


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
    assert [error.value for error in test.error] == ["seven.png: not an image; use PNG, JPEG or another common format."]
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
