"""Digits on the canvas of the Draw page, and the canvas values for them."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import hands
import numpy as np

from mnistdash.synthesis import pen
from mnistdash.ui.html.sprites import png_url

SIDE, PEN = 280, 20  # pixels: side of the canvas, width of the pen
EVENT = 4.0  # pixels between two pointer events
VARIANTS = 3  # per digit
# Properties of every stroke in Fabric.js, the library of the canvas.
STROKE = {
    **dict.fromkeys(("lockMovementX", "lockMovementY", "lockRotation", "lockScalingX", "lockScalingY"), False),
    **dict.fromkeys(("lockSkewingX", "lockSkewingY", "lockScalingFlip", "strokeUniform", "flipX", "flipY"), False),
    **dict.fromkeys(("fill", "strokeDashArray", "shadow"), None),
    **dict.fromkeys(("strokeDashOffset", "angle", "skewX", "skewY"), 0),
    **dict.fromkeys(("scaleX", "scaleY", "opacity"), 1),
    **dict.fromkeys(("originX", "originY"), "center"),
    **dict.fromkeys(("strokeLineCap", "strokeLineJoin"), "round"),
    "type": "Path",
    "version": "7.4.0",
    "stroke": "#ffffff",
    "strokeWidth": PEN,
    "strokeMiterLimit": 10,
    "visible": True,
    "backgroundColor": "",
    "fillRule": "nonzero",
    "paintFirst": "fill",
    "globalCompositeOperation": "source-over",
}


@dataclass(frozen=True)
class Sketch:
    """A digit on the canvas.

    Attributes:
        digit: "0" to "9".
        values: the value of the canvas after each stroke.
    """

    digit: str
    values: tuple[str, ...]


def digits() -> list[Sketch]:
    """Return all digits in several sizes and positions."""
    chance = np.random.default_rng(0)
    made = []
    for digit, lines in list(hands.DIGITS.items()) * VARIANTS:
        size, shift = chance.uniform(0.75, 1.0), chance.uniform(-0.08, 0.08, 2)
        placed = [_events(SIDE * (0.5 + shift + size * (np.array(line) - 0.5))) for line in lines]
        made.append(Sketch(digit, tuple(value(placed[: count + 1]) for count in range(len(placed)))))
    return made


def _events(line: np.ndarray) -> np.ndarray:
    """Return the (m, 2) pointer events of a line through (n, 2) points."""
    pieces = []
    for start, end in itertools.pairwise(line):
        steps = max(1, round(float(np.hypot(*(end - start))) / EVENT))
        pieces.append(start + (end - start) * np.arange(steps)[:, None] / steps)
    return np.round(np.concatenate([*pieces, line[-1:]]), 4)


def value(lines: Sequence[np.ndarray]) -> str:
    """Return the value of a canvas with these strokes."""
    ink = np.round(255 * pen.draw_strokes(lines, PEN, SIDE)).astype(np.uint8)
    picture = np.dstack([ink, ink, ink, np.full_like(ink, 255)])
    raw = {"version": "7.4.0", "objects": [_object(line) for line in lines], "background": "#000000"}
    return json.dumps({"drawing": {"raw": raw, "data": png_url(picture)}}, separators=(",", ":"))


def _object(line: np.ndarray) -> dict:
    """Return a stroke in Fabric.js's format: curves between the midpoints of its segments."""
    middles = (line[:-1] + line[1:]) / 2
    curves = [["Q", *point, *middle] for point, middle in zip(line[:-1].tolist(), middles.tolist(), strict=True)]
    path = [["M", *line[0].tolist()], *curves, ["L", *line[-1].tolist()]]
    (left, top), (width, height) = (line.min(0) + line.max(0)) / 2, np.ptp(line, axis=0)
    return {**STROKE, "left": left, "top": top, "width": width, "height": height, "path": path}
