"""Ways of writing that MNIST hardly has, put into its digits with a pen of the same thickness.

MNIST's writers were American: ones are a single line, sevens have no bar, zeros no slash. Others
write ones with a flag and a foot, cross their sevens and curl the tail of their nines.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from mnistdash.imaging import normalize, stroke_width
from mnistdash.synthesis.pen import draw_strokes, smooth_curve

LARGER = 4  # how much an image is enlarged before it is drawn on
SIDE = LARGER * normalize.IMAGE_SIDE
MARGIN = 28  # pixels around the enlarged image, so that what is added fits
SHARE = {0: 0.12, 1: 0.6, 4: 0.4, 7: 0.5, 9: 0.5}  # of a digit's images that get a restyled copy


def restyled(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Copies of some digits, written in another style.

    Args:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: (n,) integers.
        seed: makes the choice and the drawing repeatable.

    Returns:
        (m, 28, 28) uint8 and (m,) labels; m is about a sixth of n.
    """
    random = np.random.default_rng(seed)
    chosen = [k for k in np.flatnonzero(np.isin(labels, list(SHARE))) if random.random() < SHARE[int(labels[k])]]
    copies = [restyle(images[k], int(labels[k]), random) for k in chosen]
    return np.array(copies, np.uint8).reshape(-1, *images.shape[1:]), labels[chosen]


def restyle(image: np.ndarray, label: int, random: np.random.Generator) -> np.ndarray:
    """Write one digit, of a label in `SHARE`, in another style: (28, 28) uint8 to the same."""
    large = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    ink = np.pad(np.asarray(large, np.float32) / 255, MARGIN)
    pen = stroke_width.stroke_width(ink)
    if label == 4:
        written = _short_stemmed_four(ink, random)
    else:
        added = draw_strokes(STYLES[label](ink, pen, random), np.clip(pen, 4, 20) * random.uniform(0.85, 1.1), len(ink))
        written = np.maximum(ink, added)
    written[written < 0.15] = 0  # enlarging leaves faint ripples, which would widen the box
    return np.round(255 * normalize.center_by_mass(normalize.resize_to_box(normalize.crop(written)))).astype(np.uint8)


def _box(ink: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero((ink > 0.5).any(1)), np.flatnonzero((ink > 0.5).any(0))
    if not len(rows):
        return 0, len(ink) - 1, 0, len(ink) - 1
    return rows[0], rows[-1], columns[0], columns[-1]


def _middle_of(ink: np.ndarray, top: float, bottom: float) -> float:
    """The mean column of the ink between two rows."""
    columns = np.nonzero(ink[max(0, int(top)) : int(bottom) + 1] > 0.5)[1]
    return float(columns.mean()) if len(columns) else len(ink) / 2


def _slashed_zero(ink: np.ndarray, pen: float, random: np.random.Generator) -> list[np.ndarray]:
    top, bottom, left, right = _box(ink)
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    reach = np.array([right - left, top - bottom]) / 2 * random.uniform(0.55, 1.15, 2)
    return [np.array([middle - reach, middle + reach])]


def _flagged_one(ink: np.ndarray, pen: float, random: np.random.Generator) -> list[np.ndarray]:
    top, bottom, _, _ = _box(ink)
    height = bottom - top
    added = []
    has_foot = random.random() < 0.3
    if not has_foot or random.random() < 0.7:
        tip = np.array([_middle_of(ink, top, top + pen), top + pen / 2])
        angle = np.radians(random.uniform(20, 70))  # off the vertical; flatter flags are shorter, or it were a 7
        length = height * random.uniform(0.25, 0.75 - 0.35 * (angle > np.radians(58)))
        length = max(length, 1.8 * pen / np.sin(angle))  # apart from the stem at its end, however thick the pen
        end = tip + length * np.array([-np.sin(angle), np.cos(angle)])
        bend = (tip + end) / 2 + length * random.uniform(-0.18, 0.18) * np.array([np.cos(angle), np.sin(angle)])
        added.append(smooth_curve(np.array([tip, bend, end])))
    if has_foot:
        foot = np.array([_middle_of(ink, bottom - pen, bottom), bottom - pen / 2])
        slope = random.uniform(-0.15, 0.15)
        left, right = height * random.uniform(0.12, 0.42, 2)
        added.append(np.array([foot - left * np.array([1, slope]), foot + right * np.array([1, slope])]))
    return added


def _crossed_seven(ink: np.ndarray, pen: float, random: np.random.Generator) -> list[np.ndarray]:
    top, bottom, left, _ = _box(ink)
    height = bottom - top
    added = []
    if random.random() < 0.8:
        row = top + height * random.uniform(0.4, 0.72)
        # The stem is the rightmost ink there: some sevens have a serif that hangs down on the left.
        columns = np.flatnonzero(ink[int(row)] > 0.5)
        stem = columns[-1] - pen / 2 if len(columns) else len(ink) / 2
        middle = np.array([stem + height * random.uniform(-0.08, 0.08), row])
        reach = height * random.uniform(0.14, 0.34) * np.array([1, -random.uniform(-0.25, 0.45)])
        added.append(np.array([middle - reach, middle + reach]))
    if not added or random.random() < 0.4:
        rows = np.flatnonzero(ink[:, left + int(pen / 2)] > 0.5)
        tip = np.array([left + pen / 2, rows[0] + pen / 2 if len(rows) else top])
        down = height * random.uniform(0.1, 0.28)
        bend = tip + down / 2 * np.array([random.uniform(-0.6, 0.2), 1.0])
        added.append(smooth_curve(np.array([tip, bend, tip + down * np.array([random.uniform(-0.3, 0.3), 1.0])])))
    return added


def _short_stemmed_four(ink: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An open 4 whose right stem begins only a little above the bar; other fours stay as they are."""
    top, bottom, _, _ = _box(ink)
    cut = int(top + (bottom - top) * random.uniform(0.15, 0.6))
    runs = {row: np.flatnonzero(np.diff((ink[row] > 0.3).astype(int)) == 1) + 1 for row in range(top - 2, cut)}
    two = [row for row, starts in runs.items() if len(starts) == 2]
    if not two:
        return ink
    left, right = runs[two[0]]
    written = ink.copy()
    for row, starts in runs.items():
        if len(starts) == 2:
            written[row, starts[1] - 2 :] = 0
        elif len(starts) == 1 and row < two[0] and abs(starts[0] - right) < abs(starts[0] - left):
            written[row] = 0  # the right stem alone, where it is the taller one
    return written


def _curled_nine(ink: np.ndarray, pen: float, random: np.random.Generator) -> list[np.ndarray]:
    top, bottom, _, _ = _box(ink)
    height = bottom - top
    end = np.array([_middle_of(ink, bottom - pen, bottom), bottom - pen / 2])
    across, up = height * random.uniform(0.2, 0.9), height * random.uniform(-0.02, 0.25)
    below = height * random.uniform(0.02, 0.16)
    return [smooth_curve(np.array([end, end - [across / 2, -below], end - [across, up]]))]


STYLES: dict[int, Callable[[np.ndarray, float, np.random.Generator], list[np.ndarray]]] = {
    0: _slashed_zero,
    1: _flagged_one,
    7: _crossed_seven,
    9: _curled_nine,
}
