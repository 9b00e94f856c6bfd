"""Segment a drawing into digits: connected components, grouped from left to right."""

from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
from scipy import ndimage

from mnistdash.imaging.binarize import CONNECTIVITY

MIN_SHARED_WIDTH = 0.75  # of the narrower component, for two components above one another to be one digit
MAX_GAP = 0.6  # of the median height, between components of one digit
MAX_COMPONENTS_PER_DIGIT = 4
MAX_COMPONENTS = 40  # a drawing with more is not a number, and is recognized as one digit


@dataclass(frozen=True)
class Component:
    """A connected component, or the union of several that belong to one digit.

    Attributes:
        top, bottom, left, right: bounding box; bottom and right are exclusive.
        labels: in the label image that `find_components` returns.
    """

    top: int
    bottom: int
    left: int
    right: int
    labels: tuple[int, ...]

    def __or__(self, other: "Component") -> "Component":
        return Component(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
            self.labels + other.labels,
        )

    def cut_out(self, foreground: np.ndarray, label_image: np.ndarray) -> np.ndarray:
        """Return this component's foreground, without that of others in its box: (height, width) float32."""
        box = slice(self.top, self.bottom), slice(self.left, self.right)
        return np.where(np.isin(label_image[box], self.labels), foreground[box], np.float32(0))


def find_components(foreground: np.ndarray) -> tuple[list[Component], np.ndarray]:
    """Find connected components, and merge those above one another.

    Args:
        foreground: (height, width) float32 in [0, 1], 1 = stroke; not blank.

    Returns:
        The components from left to right, and the label image: (height, width) integers, 0 = background.
    """
    label_image, _ = ndimage.label(foreground > 0, CONNECTIVITY)
    components = [
        Component(rows.start, rows.stop, columns.start, columns.stop, (label,))
        for label, (rows, columns) in enumerate(ndimage.find_objects(label_image), start=1)
    ]
    components.sort(key=lambda component: component.left + component.right)
    first = 0
    while first < len(components) - 1:
        left, right = components[first : first + 2]
        if shared_width(left, right) >= MIN_SHARED_WIDTH:
            components[first : first + 2] = [left | right]
            first = 0  # the union may share width with an earlier component
        else:
            first += 1
    if len(components) > MAX_COMPONENTS:
        components = [reduce(or_, components)]
    return components, label_image


def candidates(components: list[Component]) -> dict[tuple[int, int], Component]:
    """Return the groups of neighboring components that may be one digit.

    Returns:
        {(first, end): union of components[first:end]}.
    """
    height = float(np.median([component.bottom - component.top for component in components]))
    groups = {}
    for first, union in enumerate(components):
        groups[first, first + 1] = union
        for end in range(first + 2, min(first + MAX_COMPONENTS_PER_DIGIT, len(components)) + 1):
            following = components[end - 1]
            if following.left - union.right > MAX_GAP * height:
                break
            union = union | following
            groups[first, end] = union
    return groups


def best_segmentation(scores: dict[tuple[int, int], float], count: int) -> list[tuple[int, int]]:
    """Split components 0 to count - 1 into the groups with the highest total score, by dynamic programming.

    Args:
        scores: of each candidate (first, end); every single component needs one.
        count: number of components, at least 1.

    Returns:
        The chosen candidates from left to right.
    """
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]  # for the first 0, 1, ... components
    for end in range(1, count + 1):
        options = [(best[first][0] + score, first) for (first, last), score in scores.items() if last == end]
        score, first = max(options)
        best.append((score, [*best[first][1], (first, end)]))
    return best[count][1]


def shared_width(one: Component, other: Component) -> float:
    """Return the share of the narrower component's width above or below the other; negative if they are apart."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared / min(one.right - one.left, other.right - other.left)
