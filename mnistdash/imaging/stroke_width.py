"""Draws lines as a pen does, and measures how thick drawn lines are."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

FINER = 3  # drawn this much larger, then averaged down, which smooths the edges
CURVE_STEPS = 8  # straight pieces between two points of a curve


def draw(strokes: Sequence[np.ndarray], thickness: float, side: int) -> np.ndarray:
    """Draw strokes with a round pen.

    Args:
        strokes: (n, 2) points each, x right and y down, in pixels; one point makes a dot.
        thickness: of the pen, in pixels.
        side: of the picture, in pixels.

    Returns:
        (side, side) float32 in [0, 1], 1 = ink.
    """
    image = Image.new("L", (FINER * side, FINER * side))
    pencil = ImageDraw.Draw(image)
    radius = FINER * thickness / 2
    for stroke in strokes:
        points = [(FINER * float(x), FINER * float(y)) for x, y in stroke]
        pencil.line(points, fill=255, width=max(1, round(2 * radius)))
        for x, y in points:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(image.reduce(FINER), np.float32) / 255


def curve(points: np.ndarray) -> np.ndarray:
    """A smooth line through (n, 2) points: a Catmull-Rom spline, ends included."""
    if len(points) < 3:
        return points
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = (padded[k : k + len(points) - 1, None] for k in range(4))
    t = np.linspace(0, 1, CURVE_STEPS, endpoint=False)[None, :, None]
    pieces = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.concatenate([pieces.reshape(-1, 2), points[-1:]])


def thickness(ink: np.ndarray) -> float:
    """How thick the lines of a drawing are, on average.

    Args:
        ink: (height, width) float32 in [0, 1], 1 = ink.

    Returns:
        Pixels; 0 where there is no ink. Across a line of thickness t the mean distance to the
        nearer edge is t / 4, from which this is computed.
    """
    return mean_thickness(depths(ink))


def depths(ink: np.ndarray) -> np.ndarray:
    """How far (height, width) ink is from the nearest paper, in pixels: (height + 2, width + 2) float64, 0 on paper."""
    return ndimage.distance_transform_edt(np.pad(ink > 0.5, 1))


def mean_thickness(depths: np.ndarray) -> float:
    """`thickness`, by how deep inside the lines each pixel is."""
    inside = depths > 0
    # Pixel centres next to the edge are at distance 1 to the nearest paper pixel, but 0.5 from the edge.
    return 4 * float(depths[inside].mean() - 0.5) if inside.any() else 0.0
