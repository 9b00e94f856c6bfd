import base64
import io
import json
import random

import numpy as np
import pytest
from image_builders import png
from PIL import Image

from mnistdash.exceptions import CanvasError
from mnistdash.imaging import canvas_payload
from mnistdash.imaging.canvas_payload import parse_canvas

WIDTH, HEIGHT = 56, 28  # pixels
UNREADABLE = "The drawing could not be read; clear the canvas and draw again."
TOO_MANY = "The drawing has too many strokes; clear the canvas and draw again."
STROKE = {
    "type": "Path", "version": "7.4.0", "left": 12.5, "fill": None, "stroke": "#ffffff", "strokeWidth": 20,
    "visible": True, "path": [["M", 1, 2], ["Q", 1.25, 2, 3, 4], ["L", 5, 6]],
}  # fmt: skip


def url(image: Image.Image, kind: str = "PNG", **options) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


@pytest.fixture
def picture() -> np.ndarray:
    """Return the pixels of the canvas, (HEIGHT, WIDTH) uint8."""
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)


@pytest.fixture
def payload(picture) -> dict:
    """Return a value as the canvas component sends it."""
    return {
        "raw": {"version": "7.4.0", "objects": [STROKE], "background": ""},
        "data": url(Image.fromarray(picture).convert("RGBA")),
    }


def refusal(payload: object) -> str:
    with pytest.raises(CanvasError) as caught:
        parse_canvas(payload, WIDTH, HEIGHT)
    return str(caught.value)


def test_strokes_and_pixels_are_returned(payload, picture):
    strokes, pixels = parse_canvas(json.loads(json.dumps(payload)), WIDTH, HEIGHT)
    assert strokes == [STROKE]
    assert pixels.dtype == np.uint8
    assert (pixels == picture).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "LA", "I;16"], ids=lambda mode: mode.replace(";", "-"))
def test_pixels_are_grayscale_in_every_mode_of_png(payload, mode):
    payload["data"] = url(Image.new(mode, (WIDTH, HEIGHT)))
    _, pixels = parse_canvas(payload, WIDTH, HEIGHT)
    assert pixels.shape == (HEIGHT, WIDTH)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("nothing", [None, {}, {"raw": {"objects": []}, "data": None}, {"data": None}, {"raw": 7}])
def test_empty_payload_is_an_empty_drawing(nothing):
    assert parse_canvas(nothing, WIDTH, HEIGHT) is None


WRONG = [0, 7, -1.5, float("nan"), True, False, "", "text", "data:image/png;base64,", [], [1], [[]], {}, {"objects": 1}]


@pytest.mark.parametrize("wrong", [*WRONG[:10], [1], [[]]], ids=repr)
def test_payload_of_another_type_is_refused(wrong):
    assert refusal(wrong) == UNREADABLE


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_parts_of_another_type_are_refused(payload, wrong):
    assert refusal({**payload, "data": wrong}) == UNREADABLE
    assert refusal({**payload, "raw": wrong}) == UNREADABLE
    assert refusal({**payload, "raw": {"objects": [STROKE, wrong]}}) == UNREADABLE
    if wrong != []:
        assert refusal({**payload, "raw": {"objects": wrong}}) == UNREADABLE
    if not isinstance(wrong, str):
        assert refusal({**payload, "raw": {"objects": [STROKE, {"type": wrong}]}}) == UNREADABLE


def test_missing_parts_are_refused(payload):
    assert refusal({"data": payload["data"]}) == UNREADABLE
    assert refusal({**payload, "raw": {}}) == UNREADABLE
    assert refusal({**payload, "raw": {"objects": [{}]}}) == UNREADABLE


def nested(depth: int, kind: type = list) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


VALUES = {
    "NaN": (json.loads("NaN"), UNREADABLE),
    "infinity": (json.loads("-Infinity"), UNREADABLE),
    "a number of 10,000 digits": (10**10_000, UNREADABLE),
    "not JSON": (b"bytes", UNREADABLE),
    "a million nested lists": (nested(10**6), UNREADABLE),
    "a million nested objects": (nested(10**6, dict), UNREADABLE),
    "two million values": ([0] * 2 * 10**6, TOO_MANY),
    "a text of 20 MB": ("a" * 20_000_000, TOO_MANY),
    "a key of 20 MB": ({"a" * 20_000_000: 0}, TOO_MANY),
    "many texts": (["a" * 1000] * 6000, TOO_MANY),
}


@pytest.mark.parametrize("name", VALUES)
def test_invalid_or_huge_stroke_is_refused(payload, name):
    value, sentence = VALUES[name]
    assert refusal({**payload, "raw": {"objects": [{**STROKE, "path": value}]}}) == sentence


def test_data_besides_the_strokes_is_ignored(payload):
    payload["raw"]["background"] = payload["other"] = nested(1000)
    assert parse_canvas(payload, WIDTH, HEIGHT)[0] == [STROKE]


def test_a_drawing_of_many_strokes_is_accepted(payload):
    line = [["Q", 123.456 + k, 78.9, 124.5, 80.25] for k in range(200)]
    payload["raw"]["objects"] = [{**STROKE, "path": line}] * 400
    assert len(parse_canvas(payload, WIDTH, HEIGHT)[0]) == 400
    payload["raw"]["objects"] = [STROKE] * canvas_payload.MAX_STROKES
    assert len(parse_canvas(payload, WIDTH, HEIGHT)[0]) == canvas_payload.MAX_STROKES
    payload["raw"]["objects"] = [{"type": "Path"}] * (canvas_payload.MAX_STROKES + 1)
    assert refusal(payload) == TOO_MANY


@pytest.mark.parametrize(
    "data",
    [
        "data:image/png;base64,####",
        "data:image/png;base64,QQ",
        "data:image/png;base64,é",
        "data:image/png;base64," + base64.b64encode(b"not an image").decode(),
        "data:image/png;base64," + base64.b64encode(png((50_000, 50_000), (8, 6), b"")).decode(),
        "data:image/png;base64," + "A" * 50_000_000,
        "data:image/jpeg;base64," + url(Image.new("RGB", (WIDTH, HEIGHT)), "JPEG").split(",")[1],
        "http://example.org/x.png",
        url(Image.new("RGB", (WIDTH, HEIGHT)), "JPEG"),
        url(Image.new("RGB", (WIDTH, HEIGHT)), "GIF"),
        url(Image.new("RGBA", (HEIGHT, WIDTH))),
        url(Image.new("RGBA", (WIDTH, HEIGHT + 1))),
        url(Image.new("RGBA", (2 * WIDTH, 2 * HEIGHT))),
        url(Image.new("RGBA", (WIDTH, HEIGHT)))[:-60],
    ],
    ids=[
        "not base64", "truncated base64", "not ASCII", "not an image", "bomb", "50 MB", "JPEG in its prefix",
        "address", "JPEG", "GIF", "rotated", "too high", "twice as large", "truncated",
    ],
)  # fmt: skip
def test_invalid_image_is_refused(payload, data):
    assert refusal({**payload, "data": data}) == UNREADABLE


def test_damaged_image_is_decoded_or_refused(payload):
    chance = random.Random(0)
    intact = base64.b64decode(payload["data"].split(",")[1])
    for _ in range(300):
        damaged = bytearray(intact)
        for _ in range(chance.choice((1, 1, 5))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            _, pixels = parse_canvas(
                {**payload, "data": canvas_payload.PREFIX + base64.b64encode(damaged).decode()}, WIDTH, HEIGHT
            )
        except CanvasError as error:
            assert str(error) == UNREADABLE
        else:
            assert pixels.shape == (HEIGHT, WIDTH)
