"""Pictures of digits for HTML: data URLs, and many digits in one image."""

import base64
import io
import math

import numpy as np
from PIL import Image

COLUMNS = 10


def sprite(images: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Digits side by side, row by row.

    Args:
        images: (n, 28, 28) uint8.
        columns: how many in a row.

    Returns:
        (28 * rows, 28 * columns) uint8, 0 where the last row is not full.
    """
    count, height, width = images.shape
    rows = max(1, math.ceil(count / columns))
    cells = np.zeros((rows * columns, height, width), np.uint8)
    cells[:count] = images
    return cells.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def png_url(image: np.ndarray) -> str:
    """A (height, width) uint8 picture as a data URL."""
    buffer = io.BytesIO()
    # Pictures are made anew for each stroke: a quarter smaller ones would take half as long again.
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
