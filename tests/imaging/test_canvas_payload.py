import base64
import io
import json
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mnistdash.exceptions import CanvasError
from mnistdash.imaging import canvas_payload
from mnistdash.imaging.canvas_payload import parse_canvas

WIDTH, HEIGHT = 56, 28  # pixels
UNREADABLE = "The drawing could not be read; clear the canvas and draw again."
TOO_MUCH = "The drawing has too many strokes; clear the canvas and draw again."
STROKE = {
    "type": "Path", "version": "7.4.0", "left": 12.5, "fill": None, "stroke": "#ffffff", "strokeWidth": 20,
    "visible": True, "path": [["M", 1, 2], ["Q", 1.25, 2, 3, 4], ["L", 5, 6]],
}  # fmt: skip


def url(image: Image.Image, kind: str = "PNG", **options) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
def picture() -> np.ndarray:
    """What is on the canvas, (HEIGHT, WIDTH) uint8."""
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)


@pytest.fixture
def drawing(picture) -> dict:
    """What the canvas sends."""
    return {
        "raw": {"version": "7.4.0", "objects": [STROKE], "background": ""},
        "data": url(Image.fromarray(picture).convert("RGBA")),
    }


def refusal(drawing: object) -> str:
    with pytest.raises(CanvasError) as caught:
        parse_canvas(drawing, WIDTH, HEIGHT)
    return str(caught.value)


def test_what_the_canvas_sends_is_read(drawing, picture):
    strokes, pixels = parse_canvas(json.loads(json.dumps(drawing)), WIDTH, HEIGHT)
    assert strokes == [STROKE]
    assert pixels.dtype == np.uint8
    assert (pixels == picture).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "LA", "I;16"], ids=lambda mode: mode.replace(";", "-"))
def test_the_picture_has_one_value_for_each_pixel_whatever_the_browser_makes(drawing, mode):
    drawing["data"] = url(Image.new(mode, (WIDTH, HEIGHT)))
    _, pixels = parse_canvas(drawing, WIDTH, HEIGHT)
    assert pixels.shape == (HEIGHT, WIDTH)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("nothing", [None, {}, {"raw": {"objects": []}, "data": None}, {"data": None}, {"raw": 7}])
def test_before_the_first_stroke_nothing_is_sent(nothing):
    assert parse_canvas(nothing, WIDTH, HEIGHT) is None


WRONG = [0, 7, -1.5, float("nan"), True, False, "", "text", "data:image/png;base64,", [], [1], [[]], {}, {"objects": 1}]


@pytest.mark.parametrize("wrong", [*WRONG[:10], [1], [[]]], ids=repr)
def test_it_is_no_object(wrong):
    assert refusal(wrong) == UNREADABLE


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_its_parts_are_of_the_wrong_kind(drawing, wrong):
    assert refusal({**drawing, "data": wrong}) == UNREADABLE
    assert refusal({**drawing, "raw": wrong}) == UNREADABLE
    assert refusal({**drawing, "raw": {"objects": [STROKE, wrong]}}) == UNREADABLE
    if wrong != []:
        assert refusal({**drawing, "raw": {"objects": wrong}}) == UNREADABLE
    if not isinstance(wrong, str):
        assert refusal({**drawing, "raw": {"objects": [STROKE, {"type": wrong}]}}) == UNREADABLE


def test_its_parts_are_missing(drawing):
    assert refusal({"data": drawing["data"]}) == UNREADABLE
    assert refusal({**drawing, "raw": {}}) == UNREADABLE
    assert refusal({**drawing, "raw": {"objects": [{}]}}) == UNREADABLE


def nested(depth: int, kind: type = list) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


VALUES = {
    "NaN": (json.loads("NaN"), UNREADABLE),
    "infinity": (json.loads("-Infinity"), UNREADABLE),
    "a large number": (1e10, UNREADABLE),
    "a very large number": (10**4000, UNREADABLE),
    "no JSON": (b"bytes", UNREADABLE),
    "a name that is none": ({1: 2}, UNREADABLE),
    "ten lists in one another": (nested(10), UNREADABLE),
    "a million lists in one another": (nested(10**6), UNREADABLE),
    "a million objects in one another": (nested(10**6, dict), UNREADABLE),
    "a million values": ([0] * 10**6, TOO_MUCH),
    "50 MB of text": ("a" * 50_000_000, TOO_MUCH),
    "50 MB as a name": ({"a" * 50_000_000: 0}, TOO_MUCH),
    "many texts": (["a" * 1000] * 1000, TOO_MUCH),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_stroke_has_what_none_has(drawing, name):
    value, sentence = VALUES[name]
    assert refusal({**drawing, "raw": {"objects": [{**STROKE, "path": value}]}}) == sentence


def test_what_is_beside_the_strokes_does_not_matter(drawing):
    drawing["raw"]["background"] = drawing["other"] = nested(1000)
    assert parse_canvas(drawing, WIDTH, HEIGHT)[0] == [STROKE]


def test_as_many_strokes_as_a_patient_visitor_draws(drawing):
    line = [["Q", 123.456 + k, 78.9, 124.5, 80.25] for k in range(200)]
    drawing["raw"]["objects"] = [{**STROKE, "path": line}] * 100
    assert len(parse_canvas(drawing, WIDTH, HEIGHT)[0]) == 100
    drawing["raw"]["objects"] = [STROKE] * canvas_payload.MAX_STROKES
    assert len(parse_canvas(drawing, WIDTH, HEIGHT)[0]) == canvas_payload.MAX_STROKES
    drawing["raw"]["objects"] = [{"type": "Path"}] * (canvas_payload.MAX_STROKES + 1)
    assert refusal(drawing) == TOO_MUCH


def bomb() -> bytes:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 6, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    "data",
    [
        "data:image/png;base64,####",
        "data:image/png;base64,QQ",
        "data:image/png;base64,é",
        "data:image/png;base64," + base64.b64encode(b"not an image").decode(),
        "data:image/png;base64," + base64.b64encode(bomb()).decode(),
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
        "no base64", "base64 cut short", "no ASCII", "no image", "bomb", "50 MB", "says JPEG", "address", "JPEG", "GIF",
        "turned", "too high", "twice as large", "cut short",
    ],
)  # fmt: skip
def test_the_picture_is_none(drawing, data):
    assert refusal({**drawing, "data": data}) == UNREADABLE


def test_a_damaged_picture_is_read_or_refused(drawing):
    chance = random.Random(0)
    sound = base64.b64decode(drawing["data"].split(",")[1])
    for _ in range(300):
        damaged = bytearray(sound)
        for _ in range(chance.choice((1, 1, 5))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            _, pixels = parse_canvas(
                {**drawing, "data": canvas_payload.PREFIX + base64.b64encode(damaged).decode()}, WIDTH, HEIGHT
            )
        except CanvasError as error:
            assert str(error) == UNREADABLE
        else:
            assert pixels.shape == (HEIGHT, WIDTH)
