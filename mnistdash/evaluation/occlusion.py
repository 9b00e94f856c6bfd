"""Which pixels a decision hangs on: patches of a digit are covered with paper, one after the other.

Source: M. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2013, section 4.2.
"""

from collections.abc import Callable

import numpy as np

PATCH = 5  # pixels, both sides
STRIDE = 2  # pixels
SMALLEST = 1e-6  # probabilities are clipped to this and to 1 minus it before the logarithms


def occlusion_map(model: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> np.ndarray:
    """How much each pixel speaks for each digit.

    Args:
        model: (n, 28, 28) uint8 -> (n, 10) float32 probabilities.
        image: (28, 28) uint8, 255 = ink.

    Returns:
        (10, 28, 28) float32: by how much covering it lowers the digit's log odds, the mean over all
        patches that cover it; positive where a pixel speaks for the digit.
    """
    corners = [
        (row, column)
        for row in range(1 - STRIDE, len(image) - 1, STRIDE)
        for column in range(1 - STRIDE, len(image) - 1, STRIDE)
    ]
    covers = np.zeros((len(corners), *image.shape), bool)
    for cover, (row, column) in zip(covers, corners, strict=True):
        cover[max(row, 0) : row + PATCH, max(column, 0) : column + PATCH] = True
    answers = _log_odds(model(np.concatenate([image[None], np.where(covers, 0, image)])))
    drops = answers[0] - answers[1:]
    weights = covers.reshape(len(covers), -1).astype(np.float32)
    means = drops.T @ weights / weights.sum(0)
    return means.reshape(-1, *image.shape).astype(np.float32)


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    shares = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return np.log(shares) - np.log1p(-shares)
