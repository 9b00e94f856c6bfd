"""Handwriting styles that MNIST hardly has, drawn into its digits with a pen of the same width.

MNIST's writers were American: ones are a single line, sevens have no bar, zeros no slash. Others write ones with a flag
and a foot, cross their sevens and curl the tail of their nines.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from mnistdash.imaging import normalize
from mnistdash.imaging.stroke_width import stroke_width
from mnistdash.synthesis.pen import draw_strokes, smooth_curve

SCALE = 4  # the image is enlarged before it is drawn on
SIDE = SCALE * normalize.IMAGE_SIDE
MARGIN = 28  # pixels around the enlarged image, for added strokes
MIN_FOREGROUND = 0.15  # enlarging leaves faint ripples, which would widen the bounding box
SHARES = {0: 0.12, 1: 0.6, 4: 0.4, 7: 0.5, 9: 0.5}  # of a digit's images that get a restyled copy


def restyle_digits(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Copy some digits in another handwriting style.

    Args:
        images: (n, 28, 28) uint8, 255 = stroke.
        labels: (n,) integers.
        seed: makes the result reproducible.

    Returns:
        (m, 28, 28) uint8 and (m,) labels; m is about a sixth of n.
    """
    rng = np.random.default_rng(seed)
    chosen = [k for k in np.flatnonzero(np.isin(labels, list(SHARES))) if rng.random() < SHARES[int(labels[k])]]
    copies = [restyle(images[k], int(labels[k]), rng) for k in chosen]
    return np.array(copies, np.uint8).reshape(-1, *images.shape[1:]), labels[chosen]


def restyle(image: np.ndarray, label: int, rng: np.random.Generator) -> np.ndarray:
    """Write a (28, 28) uint8 digit with a label in `SHARES` in another style: (28, 28) uint8."""
    enlarged = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    foreground = np.pad(np.asarray(enlarged, np.float32) / 255, MARGIN)
    width = stroke_width(foreground)
    if label == 4:
        restyled = _shorten_stem(foreground, rng)
    else:
        strokes = STYLES[label](foreground, width, rng)
        added = draw_strokes(strokes, np.clip(width, 4, 20) * rng.uniform(0.85, 1.1), len(foreground))
        restyled = np.maximum(foreground, added)
    restyled[restyled < MIN_FOREGROUND] = 0
    return np.round(255 * normalize.fit_and_center(restyled)).astype(np.uint8)


def _bounding_box(foreground: np.ndarray) -> tuple[int, int, int, int]:
    """Return the first and last row and column."""
    rows, columns = np.flatnonzero((foreground > 0.5).any(1)), np.flatnonzero((foreground > 0.5).any(0))
    if not len(rows):
        return 0, len(foreground) - 1, 0, len(foreground) - 1
    return rows[0], rows[-1], columns[0], columns[-1]


def _mean_column(foreground: np.ndarray, top: float, bottom: float) -> float:
    """Return the mean column of the foreground between two rows."""
    columns = np.nonzero(foreground[max(0, int(top)) : int(bottom) + 1] > 0.5)[1]
    return float(columns.mean()) if len(columns) else len(foreground) / 2


def _slash_zero(foreground: np.ndarray, _: float, rng: np.random.Generator) -> list[np.ndarray]:
    top, bottom, left, right = _bounding_box(foreground)
    center = np.array([(left + right) / 2, (top + bottom) / 2])
    reach = np.array([right - left, top - bottom]) / 2 * rng.uniform(0.55, 1.15, 2)
    return [np.array([center - reach, center + reach])]


def _flag_one(foreground: np.ndarray, width: float, rng: np.random.Generator) -> list[np.ndarray]:
    top, bottom, _, _ = _bounding_box(foreground)
    height = bottom - top
    strokes = []
    has_foot = rng.random() < 0.3
    if not has_foot or rng.random() < 0.7:
        tip = np.array([_mean_column(foreground, top, top + width), top + width / 2])
        angle = np.radians(rng.uniform(20, 70))  # from the vertical; flatter flags are shorter, or it would be a 7
        length = height * rng.uniform(0.25, 0.75 - 0.35 * (angle > np.radians(58)))
        length = max(length, 1.8 * width / np.sin(angle))  # its end must not touch the stem
        end = tip + length * np.array([-np.sin(angle), np.cos(angle)])
        bend = (tip + end) / 2 + length * rng.uniform(-0.18, 0.18) * np.array([np.cos(angle), np.sin(angle)])
        strokes.append(smooth_curve(np.array([tip, bend, end])))
    if has_foot:
        foot = np.array([_mean_column(foreground, bottom - width, bottom), bottom - width / 2])
        slope = rng.uniform(-0.15, 0.15)
        left, right = height * rng.uniform(0.12, 0.42, 2)
        strokes.append(np.array([foot - left * np.array([1, slope]), foot + right * np.array([1, slope])]))
    return strokes


def _cross_seven(foreground: np.ndarray, width: float, rng: np.random.Generator) -> list[np.ndarray]:
    top, bottom, left, _ = _bounding_box(foreground)
    height = bottom - top
    strokes = []
    if rng.random() < 0.8:
        row = top + height * rng.uniform(0.4, 0.72)
        # The stem is the rightmost foreground: some sevens have a serif that hangs down on the left.
        columns = np.flatnonzero(foreground[int(row)] > 0.5)
        stem = columns[-1] - width / 2 if len(columns) else len(foreground) / 2
        center = np.array([stem + height * rng.uniform(-0.08, 0.08), row])
        reach = height * rng.uniform(0.14, 0.34) * np.array([1, -rng.uniform(-0.25, 0.45)])
        strokes.append(np.array([center - reach, center + reach]))
    if not strokes or rng.random() < 0.4:
        rows = np.flatnonzero(foreground[:, left + int(width / 2)] > 0.5)
        tip = np.array([left + width / 2, rows[0] + width / 2 if len(rows) else top])
        length = height * rng.uniform(0.1, 0.28)
        bend = tip + length / 2 * np.array([rng.uniform(-0.6, 0.2), 1.0])
        end = tip + length * np.array([rng.uniform(-0.3, 0.3), 1.0])
        strokes.append(smooth_curve(np.array([tip, bend, end])))
    return strokes


def _curl_nine(foreground: np.ndarray, width: float, rng: np.random.Generator) -> list[np.ndarray]:
    top, bottom, _, _ = _bounding_box(foreground)
    height = bottom - top
    end = np.array([_mean_column(foreground, bottom - width, bottom), bottom - width / 2])
    across, up = height * rng.uniform(0.2, 0.9), height * rng.uniform(-0.02, 0.25)
    below = height * rng.uniform(0.02, 0.16)
    return [smooth_curve(np.array([end, end - [across / 2, -below], end - [across, up]]))]


def _shorten_stem(foreground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shorten the right stem of an open 4 so that it begins a little above the bar; keep other fours."""
    top, bottom, _, _ = _bounding_box(foreground)
    cut = int(top + (bottom - top) * rng.uniform(0.15, 0.6))
    starts = {row: np.flatnonzero(np.diff((foreground[row] > 0.3).astype(int)) == 1) + 1 for row in range(top - 2, cut)}
    open_rows = [row for row, columns in starts.items() if len(columns) == 2]
    if not open_rows:
        return foreground
    left, right = starts[open_rows[0]]
    shortened = foreground.copy()
    for row, columns in starts.items():
        if len(columns) == 2:
            shortened[row, columns[1] - 2 :] = 0
        elif len(columns) == 1 and row < open_rows[0] and abs(columns[0] - right) < abs(columns[0] - left):
            shortened[row] = 0  # only the right stem, where it is the taller one
    return shortened


# By label: the strokes to add, given the foreground and its stroke width.
STYLES: dict[int, Callable[[np.ndarray, float, np.random.Generator], list[np.ndarray]]] = {
    0: _slash_zero,
    1: _flag_one,
    7: _cross_seven,
    9: _curl_nine,
}
