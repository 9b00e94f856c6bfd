"""Draws lines as a pen does, and measures how thick drawn lines are."""

import numpy as np
from scipy import ndimage


def stroke_width(ink: np.ndarray) -> float:
    """How thick the lines of a drawing are, on average.

    Args:
        ink: (height, width) float32 in [0, 1], 1 = ink.

    Returns:
        Pixels; 0 where there is no ink. Across a line of thickness t the mean distance to the
        nearer edge is t / 4, from which this is computed.
    """
    return mean_stroke_width(distance_inside(ink))


def distance_inside(ink: np.ndarray) -> np.ndarray:
    """How far (height, width) ink is from the nearest paper, in pixels: (height + 2, width + 2) float64, 0 on paper."""
    return ndimage.distance_transform_edt(np.pad(ink > 0.5, 1))


def mean_stroke_width(depths: np.ndarray) -> float:
    """`thickness`, by how deep inside the lines each pixel is."""
    inside = depths > 0
    # Pixel centres next to the edge are at distance 1 to the nearest paper pixel, but 0.5 from the edge.
    return 4 * float(depths[inside].mean() - 0.5) if inside.any() else 0.0
