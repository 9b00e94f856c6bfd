"""Images for HTML: data URLs, and sprites of many digits."""

import base64
import io
import math

import numpy as np
from PIL import Image

COLUMNS = 10  # digits in a row of a sprite


def sprite(images: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Combine digits into one image, row by row.

    Args:
        images: (n, 28, 28) uint8.
        columns: digits in a row.

    Returns:
        (28 * rows, 28 * columns) uint8, 0 in the rest of the last row.
    """
    count, height, width = images.shape
    rows = max(1, math.ceil(count / columns))
    cells = np.zeros((rows * columns, height, width), np.uint8)
    cells[:count] = images
    return cells.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def png_url(image: np.ndarray) -> str:
    """Encode a (height, width) or (height, width, 3) uint8 image as a PNG data URL."""
    buffer = io.BytesIO()
    # Each stroke encodes several images: a higher level takes 1.5 times as long for files a quarter smaller.
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
