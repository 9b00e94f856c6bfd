"""What the drawing canvas sends, which comes from a visitor's browser and so can be anything."""

import base64
import io

import numpy as np
from PIL import Image

from mnistdash.exceptions import CanvasError

Drawing = tuple[list[dict], np.ndarray]

PREFIX = "data:image/png;base64,"
MAX_DATA = 2_000_000  # characters; the wider canvas would have 840,000 if each of its pixels were another
MAX_STROKES = 2_000  # nobody draws so many; the page draws all of them anew after each "Undo"
MAX_SIZE = 1_000_000  # characters and values of the strokes; minutes of drawing without a break
MAX_DEPTH = 10  # lists and objects inside one another; a stroke has three
LARGEST = 1e9  # of the numbers in a stroke, which are pixels, times and colours


def parse_canvas(drawing: object, width: int, height: int) -> Drawing | None:
    """Make sense of what the canvas sends.

    Args:
        drawing: {"raw": {"objects": [...]}, "data": "data:image/png;base64,..."}, or anything else.
        width, height: of the canvas in pixels, whatever the browser says.

    Returns:
        The strokes, each an object of Fabric.js with a "type", which can be sent back as they are; and the picture's
        brightness, (height, width) uint8. None where nothing was sent yet.

    Raises:
        CanvasError: it is none of this.
    """
    if drawing is None:
        return None
    if not isinstance(drawing, dict):
        raise _unreadable()
    if drawing.get("data") is None:
        return None
    return _strokes(drawing.get("raw")), _pixels(drawing["data"], width, height)


def _unreadable() -> CanvasError:
    return CanvasError("The drawing could not be read; clear the canvas and draw again.")


def _too_much() -> CanvasError:
    return CanvasError("The drawing has too many strokes; clear the canvas and draw again.")


def _strokes(raw: object) -> list[dict]:
    strokes = raw.get("objects") if isinstance(raw, dict) else None
    if not isinstance(strokes, list):
        raise _unreadable()
    if len(strokes) > MAX_STROKES:
        raise _too_much()
    if not all(isinstance(stroke, dict) and isinstance(stroke.get("type"), str) for stroke in strokes):
        raise _unreadable()
    _check(strokes)
    return strokes


def _check(strokes: list) -> None:
    """Refuse what is too much, too deep, or no plain JSON; Python reads NaN in JSON, and browsers do not."""
    left, size = [(strokes, 0)], 0
    while left:
        value, depth = left.pop()
        size += 1
        if isinstance(value, dict):
            if not all(isinstance(name, str) for name in value):
                raise _unreadable()
            size += sum(map(len, value))
            value = list(value.values())
        if isinstance(value, list):
            if depth == MAX_DEPTH:
                raise _unreadable()
            if size + len(value) <= MAX_SIZE:
                left += [(each, depth + 1) for each in value]
            size += len(value)
        elif isinstance(value, str):
            size += len(value)
        # NaN is not at most anything.
        elif value is not None and not (isinstance(value, int | float) and abs(value) <= LARGEST):
            raise _unreadable()
        if size > MAX_SIZE:
            raise _too_much()


def _pixels(data: object, width: int, height: int) -> np.ndarray:
    if not isinstance(data, str) or len(data) > MAX_DATA or not data.startswith(PREFIX):
        raise _unreadable()
    try:
        file = io.BytesIO(base64.b64decode(data[len(PREFIX) :], validate=True))
        with Image.open(file, formats=("PNG",)) as image:
            # Only now is anything unpacked.
            if image.size == (width, height):
                return np.asarray(image.convert("L"))
    # Pillow raises anything on a damaged file.
    except Exception as error:
        raise _unreadable() from error
    raise _unreadable()
