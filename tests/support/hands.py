"""Hand-drawn digits and other shapes, as strokes in fractions of their box and on canvases."""

from collections.abc import Sequence
from math import cos, radians, sin

import numpy as np

from mnistdash.synthesis.pen import draw_strokes

Point = tuple[float, float]


def arc(x: float, y: float, width: float, height: float, start: float, end: float) -> list[Point]:
    """Return an elliptic arc between two angles (degrees, clockwise from three o'clock)."""
    angles = [radians(start + (end - start) * step / 30) for step in range(31)]
    return [(x + width * cos(angle), y + height * sin(angle)) for angle in angles]


DIGITS: dict[str, list[list[Point]]] = {
    "0": [arc(0.5, 0.5, 0.22, 0.33, -90, 270)],
    "1": [[(0.5, 0.15), (0.5, 0.85)]],
    "2": [[*arc(0.5, 0.33, 0.2, 0.18, 180, 370), (0.3, 0.82), (0.74, 0.82)]],
    "3": [arc(0.46, 0.33, 0.2, 0.16, 200, 450) + arc(0.46, 0.66, 0.23, 0.18, -90, 160)],
    "4": [[(0.35, 0.15), (0.28, 0.55), (0.72, 0.55)], [(0.62, 0.2), (0.62, 0.88)]],
    "5": [[(0.7, 0.17), (0.36, 0.17), (0.34, 0.46), *arc(0.48, 0.63, 0.22, 0.2, -120, 150)]],
    "6": [[(0.62, 0.14), (0.42, 0.38), *arc(0.5, 0.66, 0.2, 0.19, 190, 550)]],
    "7": [[(0.28, 0.18), (0.72, 0.18), (0.45, 0.86)]],
    "8": [arc(0.5, 0.33, 0.17, 0.16, 90, 450), arc(0.5, 0.67, 0.2, 0.18, -90, 270)],
    "9": [[*arc(0.52, 0.35, 0.18, 0.18, 0, 360), (0.7, 0.35), (0.64, 0.86)]],
}
IN_PIECES: dict[str, list[list[Point]]] = {
    "5 with a detached bar": [
        [(0.36, 0.3), (0.34, 0.5), *arc(0.48, 0.67, 0.2, 0.18, -120, 150)],
        [(0.42, 0.16), (0.74, 0.14)],
    ],
    "4 in two strokes": [[(0.32, 0.15), (0.25, 0.55), (0.55, 0.55)], [(0.68, 0.2), (0.66, 0.88)]],
    "8 open": [arc(0.5, 0.3, 0.17, 0.14, 60, 400), arc(0.5, 0.68, 0.2, 0.16, -60, 240)],
}
NOT_DIGITS: dict[str, list[list[Point]]] = {
    "dash": [[(0.2, 0.5), (0.8, 0.48)]],
    "cross": [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]],
    "scribble": [[(0.2 + 0.06 * k, 0.2 if k % 2 else 0.8) for k in range(11)]],
    "A": [[(0.2, 0.85), (0.5, 0.15), (0.8, 0.85)], [(0.33, 0.6), (0.67, 0.6)]],
    "M": [[(0.15, 0.85), (0.2, 0.15), (0.5, 0.6), (0.8, 0.15), (0.85, 0.85)]],
    "smiley": [
        arc(0.5, 0.5, 0.38, 0.38, 0, 360),
        [(0.38, 0.4)],
        [(0.62, 0.4)],
        arc(0.5, 0.52, 0.18, 0.16, 20, 160),
    ],
    "dot": [[(0.5, 0.5)]],
    "two dots": [[(0.3, 0.5)], [(0.7, 0.5)]],
}
ALL = DIGITS | IN_PIECES | NOT_DIGITS


def on_canvas(names: str | Sequence[str], gap: int = 0, box: int = 200, pen: float = 16) -> np.ndarray:
    """Draw shapes side by side, white on black.

    Args:
        names: keys of `ALL`; a single key, or a string of digits.
        gap: pixels between the boxes, negative for overlap.
        box: side of each box in pixels.
        pen: stroke width in pixels.

    Returns:
        (height, width) uint8.
    """
    if isinstance(names, str):
        names = [names] if names in ALL else list(names)
    side = len(names) * box + (len(names) - 1) * gap
    lines = [
        np.array([((box + gap) * k + x * box, y * box) for x, y in stroke])
        for k, name in enumerate(names)
        for stroke in ALL[name]
    ]
    return np.round(255 * draw_strokes(lines, pen, max(side, box))[:box]).astype(np.uint8)
