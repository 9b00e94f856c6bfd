"""Selections on the map of digits.

A selection is a polygon, (k, 2) float64 in map coordinates from -1 to 1, or a single vertex for a single digit. The
page's address holds it as "x,y;x,y;…".
"""

import numpy as np
from skimage.measure import points_in_poly

MAX_VERTICES = 24  # so that the address stays short
DECIMALS = 3  # of a vertex; a thousandth is a third of a pixel
POINT_DECIMALS = 5  # of a single digit, whose neighbors may be closer than that
MAX_COORDINATE = 10  # either way, while the map ends at 1


def points_inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Find the points inside a polygon by the even-odd rule, or the point nearest to a single vertex.

    Args:
        points: (n, 2) float.
        polygon: (k, 2) float; its last vertex is joined to its first.

    Returns:
        (n,) bool.
    """
    if len(polygon) == 1:
        nearest = np.linalg.norm(points - polygon, axis=1).argmin()
        return np.asarray(np.arange(len(points)) == nearest)
    return np.asarray(points_in_poly(points, polygon))  # type: ignore[no-untyped-call]


def simplify(polygon: np.ndarray) -> np.ndarray:
    """Remove the vertex that changes the area least until MAX_VERTICES are left.

    Source: M. Visvalingam, J. Whyatt, "Line generalisation by repeated elimination of points", 1993.
    """
    while len(polygon) > MAX_VERTICES:
        ahead, back = np.roll(polygon, -1, axis=0) - polygon, np.roll(polygon, 1, axis=0) - polygon
        areas = np.abs(ahead[:, 0] * back[:, 1] - ahead[:, 1] * back[:, 0])
        polygon = np.delete(polygon, areas.argmin(), axis=0)
    return polygon


def format_lasso(polygon: np.ndarray) -> str:
    """Return a selection as "x,y;x,y;…", with at most MAX_VERTICES vertices."""
    decimals = POINT_DECIMALS if len(polygon) == 1 else DECIMALS
    vertices = np.clip(simplify(polygon), -MAX_COORDINATE, MAX_COORDINATE).tolist()
    return ";".join(f"{x:.{decimals}f},{y:.{decimals}f}" for x, y in vertices)


def parse_lasso(text: str) -> np.ndarray | None:
    """Return the selection that `format_lasso` wrote, or None if the text is not a selection."""
    try:
        polygon = np.array([[float(value) for value in vertex.split(",")] for vertex in text.split(";")])
    except ValueError:
        return None
    count, width = polygon.shape
    is_selection = width == 2 and count != 2 and count <= MAX_VERTICES and (np.abs(polygon) <= MAX_COORDINATE).all()
    return polygon if is_selection else None
