"""Draw strokes with a round pen."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

OVERSAMPLING = 3  # averaging the larger drawing smooths edges
CURVE_STEPS = 8  # line segments between two points of a curve


def draw_strokes(strokes: Sequence[np.ndarray], width: float, side: int) -> np.ndarray:
    """Draw strokes with a round pen.

    Args:
        strokes: (n, 2) points each, x to the right and y down, in pixels; one point is a dot.
        width: of the pen, in pixels.
        side: of the image, in pixels.

    Returns:
        (side, side) float32 in [0, 1], 1 = stroke.
    """
    image = Image.new("L", (OVERSAMPLING * side, OVERSAMPLING * side))
    draw = ImageDraw.Draw(image)
    radius = OVERSAMPLING * width / 2
    for stroke in strokes:
        points = [(OVERSAMPLING * float(x), OVERSAMPLING * float(y)) for x, y in stroke]
        draw.line(points, fill=255, width=max(1, round(2 * radius)))
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(image.reduce(OVERSAMPLING), np.float32) / 255


def smooth_curve(points: np.ndarray) -> np.ndarray:
    """Interpolate (n, 2) points by a Catmull-Rom spline, end points included: (m, 2)."""
    if len(points) < 3:
        return points
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = (padded[k : k + len(points) - 1, None] for k in range(4))
    t = np.linspace(0, 1, CURVE_STEPS, endpoint=False)[None, :, None]
    pieces = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.concatenate([pieces.reshape(-1, 2), points[-1:]])
