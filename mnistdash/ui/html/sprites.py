"""Sprites."""

import math

import numpy as np

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
