"""Occlusion maps: the pixels that a prediction depends on, found by covering one patch of a digit at a time.

Source: M. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2013, section 4.2.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

PATCH = 5  # pixels, both sides
STRIDE = 2  # pixels
MIN_PROBABILITY = 1e-6  # probabilities are clipped to it, and to 1 minus it, before the logarithms


def occlusion_map(model: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> np.ndarray:
    """Compute how much each pixel supports each digit.

    Args:
        model: (n, 28, 28) uint8 -> (n, 10) float32 probabilities.
        image: (28, 28) uint8, 255 = ink.

    Returns:
        (10, 28, 28) float32: the fall of the digit's log odds when the pixel is covered, averaged over all
        patches that cover it. Positive where a pixel supports the digit.
    """
    corners = list(product(range(1 - STRIDE, len(image) - 1, STRIDE), repeat=2))
    covers = np.zeros((len(corners), *image.shape), bool)
    for cover, (row, column) in zip(covers, corners, strict=True):
        cover[max(row, 0) : row + PATCH, max(column, 0) : column + PATCH] = True
    odds = _log_odds(model(np.concatenate([image[None], np.where(covers, 0, image)])))
    drops = odds[0] - odds[1:]
    weights = covers.reshape(len(covers), -1).astype(np.float32)
    means = drops.T @ weights / weights.sum(0)
    return np.asarray(means.reshape(-1, *image.shape), np.float32)


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
