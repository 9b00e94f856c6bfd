import base64
import io

import numpy as np
import pytest
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


def test_a_blank_canvas_invites_and_predicts_nothing(page, flagship):
    shown = text(page("draw"))
    assert "Draw a digit" in shown
    assert "sure" not in shown
    assert "label best" not in shown


def test_a_drawing_is_read_with_all_there_is_to_say(draw, drawing):
    shown = text(draw(255 - drawing))
    assert '<span class="digit">7</span>' in shown
    assert "runner-up" in shown
    assert shown.count('class="fill"') == 10
    assert 'alt="The 28 by 28 image the network sees"' in shown
    assert "flagship read the drawing in" in shown
    assert "Draw a digit" not in shown


def test_a_canvas_wiped_clean_is_blank_again(draw):
    assert "Draw a digit" in text(draw(np.zeros((280, 280), np.uint8)))


def test_another_model_reads_the_same_drawing(draw, make_run, drawing):
    make_run("other", events=[], card={"status": "finished"})
    test = draw(255 - drawing)
    test.selectbox(key="model").set_value("other").run()
    test.session_state["drawing"] = drawn(255 - drawing)
    test.run()
    assert "other read the drawing in" in text(test)


def test_an_uploaded_image_is_read_instead(page, flagship, drawing):
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, "PNG")
    test = page("draw")
    test.file_uploader(key="upload").set_value(("seven.png", file.getvalue(), "image/png")).run()
    assert not test.exception
    assert '<span class="digit">7</span>' in text(test)
    assert "flagship read the image in" in text(test)


def test_an_upload_that_is_no_image_gets_one_sentence(page, flagship):
    test = page("draw")
    test.file_uploader(key="upload").set_value(("seven.png", b"hello", "image/png")).run()
    assert not test.exception
    assert [error.value for error in test.error] == ["seven.png: not an image; use PNG, JPEG or another common format."]
    assert "Draw a digit" in text(test)


def test_a_blank_upload_says_so(page, flagship):
    file = io.BytesIO()
    Image.new("L", (50, 50), 255).save(file, "PNG")
    test = page("draw")
    test.file_uploader(key="upload").set_value(("white.png", file.getvalue(), "image/png")).run()
    assert "This image is blank" in text(test)
