"""Outlines drawn on a map of digits: which digits they hold, and how the page's address says them.

An outline is a polygon, (k, 2) float64, on a map from -1 to 1; the address holds it as "x,y;x,y;…", and one digit as
"x,y".
"""

import numpy as np

from mnistdash.exceptions import LassoError

VERTICES = 24  # of an outline at most, so that the address stays short
DECIMALS = 3  # of a vertex; a thousandth is a third of a pixel
POINT_DECIMALS = 5  # of a single digit, whose neighbours may be nearer than that
FARTHEST = 10  # that a vertex may be from the middle either way, while a map ends at 1


def points_inside(points: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Which points lie inside an outline, by the even-odd rule; of an outline of one vertex the nearest point.

    Source: M. Shimrat, "Algorithm 112: Position of point relative to polygon", 1962.

    Args:
        points: (n, 2) float.
        outline: (k, 2) float; its last vertex is joined to its first.

    Returns:
        (n,) bool.
    """
    found = np.zeros(len(points), bool)
    if len(outline) == 1:
        found[np.linalg.norm(points - outline, axis=1).argmin()] = True
        return found
    x, y = points.T.astype(np.float64)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 != y1:
            found ^= ((y0 > y) != (y1 > y)) & (x < x0 + (x1 - x0) * (y - y0) / (y1 - y0))
    return found


def simplify(outline: np.ndarray) -> np.ndarray:
    """An outline of at most VERTICES vertices: again and again the one goes that changes the area least.

    Source: M. Visvalingam, J. Whyatt, "Line generalisation by repeated elimination of points", 1993.
    """
    while len(outline) > VERTICES:
        ahead, back = np.roll(outline, -1, axis=0) - outline, np.roll(outline, 1, axis=0) - outline
        areas = np.abs(ahead[:, 0] * back[:, 1] - ahead[:, 1] * back[:, 0])
        outline = np.delete(outline, areas.argmin(), axis=0)
    return outline


def format_lasso(outline: np.ndarray) -> str:
    """An outline for the address: "x,y;x,y;…", of at most VERTICES vertices."""
    decimals = POINT_DECIMALS if len(outline) == 1 else DECIMALS
    vertices = np.clip(simplify(outline), -FARTHEST, FARTHEST).tolist()
    return ";".join(f"{x:.{decimals}f},{y:.{decimals}f}" for x, y in vertices)


def parse_lasso(text: str) -> np.ndarray:
    """What `to_text` made.

    Raises:
        LassoError: it is something else.
    """
    try:
        outline = np.array([[float(value) for value in vertex.split(",")] for vertex in text.split(";")])
    except ValueError as error:
        raise LassoError("An outline is x,y;x,y;… in numbers.") from error
    count, width = outline.shape
    if width != 2 or count == 2 or count > VERTICES or not (np.abs(outline) <= FARTHEST).all():
        raise LassoError(f"An outline has one vertex, or 3 to {VERTICES}, each two numbers of at most {FARTHEST}.")
    return outline
