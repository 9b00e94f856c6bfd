"""Measure the stroke width of a drawing."""

import numpy as np
from scipy import ndimage


def stroke_width(foreground: np.ndarray) -> float:
    """Return the mean stroke width in pixels, 0 without foreground.

    Across a stroke of width t, the mean distance to the nearer edge is t / 4.

    Args:
        foreground: (height, width) float32 in [0, 1], 1 = stroke.
    """
    return mean_stroke_width(distance_inside(foreground))


def distance_inside(foreground: np.ndarray) -> np.ndarray:
    """Return each pixel's distance to the background.

    Args:
        foreground: (height, width) float32 in [0, 1], 1 = stroke.

    Returns:
        (height + 2, width + 2) float64 in pixels, 0 on the background; with a margin of one pixel.
    """
    distance: np.ndarray = ndimage.distance_transform_edt(np.pad(foreground > 0.5, 1))
    return distance


def mean_stroke_width(distance: np.ndarray) -> float:
    """Return the mean stroke width in pixels, given `distance_inside`."""
    inside = distance > 0
    # Pixel centers next to the edge are 1 from the nearest background pixel, but 0.5 from the edge.
    return 4 * float(distance[inside].mean() - 0.5) if inside.any() else 0.0
