"""Groups the blobs of a drawing into digits, from left to right."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mnistdash.imaging.binarize import CONNECTIVITY

STACKED = 0.75  # share of a blob's width over or under another from which both are surely one digit
NEAR = 0.6  # of the median height: blobs farther apart are surely two digits
MAX_COMPONENTS_PER_DIGIT = 4  # that one digit can be made of
MAX_COMPONENTS = 40  # blobs beyond which a drawing is not a number; they are then read as one digit


@dataclass(frozen=True)
class Component:
    """Connected ink, or several pieces that are surely of one digit.

    Attributes:
        top, bottom, left, right: rows and columns, the second of each pair excluded.
        labels: of the pieces, in the array that `find_blobs` returns.
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

    def cut_out(self, ink: np.ndarray, labelled: np.ndarray) -> np.ndarray:
        """The (height, width) float32 ink of this blob alone."""
        box = slice(self.top, self.bottom), slice(self.left, self.right)
        return np.where(np.isin(labelled[box], self.labels), ink[box], np.float32(0))


def find_components(ink: np.ndarray) -> tuple[list[Component], np.ndarray]:
    """The pieces that digits are made of, from left to right, and an array that tells whose each pixel is.

    Args:
        ink: (height, width) float32 in [0, 1], 1 = ink; there must be some.
    """
    labelled, _ = ndimage.label(ink > 0, CONNECTIVITY)
    blobs = [
        Component(rows.start, rows.stop, columns.start, columns.stop, (label,))
        for label, (rows, columns) in enumerate(ndimage.find_objects(labelled), start=1)
    ]
    blobs.sort(key=lambda blob: blob.left + blob.right)
    merged = True
    while merged:
        merged = False
        for k in range(len(blobs) - 1):
            if shared_width(blobs[k], blobs[k + 1]) >= STACKED:
                blobs[k : k + 2] = [blobs[k] | blobs[k + 1]]
                merged = True
                break
    if len(blobs) > MAX_COMPONENTS:
        blobs = [_joined(blobs)]
    return blobs, labelled


def candidates(blobs: list[Component]) -> dict[tuple[int, int], Component]:
    """What may be one digit: runs of neighbouring blobs.

    Returns:
        {(first, end): their union}: blobs[first:end], never empty.
    """
    height = float(np.median([blob.bottom - blob.top for blob in blobs]))
    found = {}
    for first in range(len(blobs)):
        union = blobs[first]
        found[first, first + 1] = union
        for end in range(first + 2, min(first + MAX_COMPONENTS_PER_DIGIT, len(blobs)) + 1):
            following = blobs[end - 1]
            if following.left - union.right > NEAR * height:
                break
            union = union | following
            found[first, end] = union
    return found


def best_segmentation(scores: dict[tuple[int, int], float], count: int) -> list[tuple[int, int]]:
    """Split blobs 0 to count - 1 into runs so that the scores add up to the most.

    Args:
        scores: of each candidate (first, end); every single blob must have one.
        count: of blobs, at least 1.

    Returns:
        The chosen candidates, from left to right.
    """
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
    for end in range(1, count + 1):
        ways = [(best[first][0] + score, first) for (first, last), score in scores.items() if last == end]
        score, first = max(ways)
        best.append((score, [*best[first][1], (first, end)]))
    return best[count][1]


def shared_width(one: Component, other: Component) -> float:
    """The share of the narrower blob's width that lies over or under the other; negative where they are apart."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared / min(one.right - one.left, other.right - other.left)


def _joined(blobs: list[Component]) -> Component:
    union = blobs[0]
    for blob in blobs[1:]:
        union = union | blob
    return union
