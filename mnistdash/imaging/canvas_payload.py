"""Validate the drawing that the canvas component sends; it comes from a browser, so it can be anything."""

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image

from mnistdash.exceptions import CanvasError

Drawing = tuple[list[dict[str, Any]], np.ndarray]

PREFIX = "data:image/png;base64,"
MAX_IMAGE_CHARACTERS = 2_000_000  # of base64; the wider canvas needs 840,000 if no two pixels are alike
MAX_STROKES = 2_000  # the page draws all of them again after each undo
MAX_STROKES_CHARACTERS = 5_000_000  # of JSON; minutes of drawing without a pause


def parse_canvas(payload: object, width: int, height: int) -> Drawing | None:
    """Validate the canvas component's value.

    Args:
        payload: {"raw": {"objects": [...]}, "data": "data:image/png;base64,..."}, or anything else.
        width, height: of the canvas, in pixels.

    Returns:
        The strokes, each a Fabric.js object with a "type", which the canvas accepts again as they are; and the image's
        brightness, (height, width) uint8. None before the first stroke.

    Raises:
        CanvasError: the payload is malformed or too large.
    """
    if payload is None or (isinstance(payload, dict) and payload.get("data") is None):
        return None
    try:
        strokes, data = payload["raw"]["objects"], payload["data"]  # type: ignore[index]
        # Python accepts NaN in JSON, and browsers do not.
        size = len(json.dumps(strokes, allow_nan=False))
        if not isinstance(strokes, list) or not all(isinstance(stroke["type"], str) for stroke in strokes):
            raise TypeError("not a list of Fabric.js objects")
        if len(data) > MAX_IMAGE_CHARACTERS or not data.startswith(PREFIX):
            raise ValueError("not a PNG image of the canvas")
        file = io.BytesIO(base64.b64decode(data[len(PREFIX) :], validate=True))
        with Image.open(file, formats=("PNG",)) as image:
            if image.size != (width, height):  # nothing has been decompressed yet
                raise ValueError("not of the size of the canvas")
            pixels = np.asarray(image.convert("L"))
    # Pillow raises anything on a damaged file.
    except Exception as error:
        raise CanvasError("The drawing could not be read; clear the canvas and draw again.") from error
    if len(strokes) > MAX_STROKES or size > MAX_STROKES_CHARACTERS:
        raise CanvasError("The drawing has too many strokes; clear the canvas and draw again.")
    return strokes, pixels
