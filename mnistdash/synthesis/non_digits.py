"""What people draw that is not a digit: letters, shapes, scribbles, and digits gone wrong.

Letters that some digit looks like are left out (O and 0, l and 1, Z and 2, S and 5, b and 6, q
and 9): nobody could tell them apart without their neighbours.
"""

from collections.abc import Callable

import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.imaging import normalize
from mnistdash.synthesis.pen import draw_strokes, smooth_curve

SIDE = 140  # pixels, of the sheet that is drawn on
BODY = 72  # pixels, of what is drawn on it, before it is stretched and turned
INK = 0.1  # ink fainter than this is dropped, as it would widen the box

# Strokes on a 10x10 grid, x right and y down; "~" makes a stroke a smooth curve.
LETTERS = {
    "A": "0,10 5,0 10,10 / 2,6 8,6",
    "B": "1,10 1,0 / ~1,0 7,1 7,4 1,5 / ~1,5 9,6 8,10 1,10",
    "C": "~9,2 5,0 1,3 1,7 5,10 9,8",
    "E": "9,0 1,0 1,10 9,10 / 1,5 7,5",
    "F": "9,0 1,0 1,10 / 1,5 7,5",
    "H": "1,0 1,10 / 9,0 9,10 / 1,5 9,5",
    "J": "2,0 9,0 / ~6,0 6,8 3,10 0,7",
    "K": "1,0 1,10 / 9,0 1,6 / 3,4 9,10",
    "L": "2,0 2,10 9,10",
    "M": "0,10 1,0 5,7 9,0 10,10",
    "N": "1,10 1,0 9,10 9,0",
    "P": "2,10 2,0 / ~2,0 9,1 9,5 2,6",
    "Q": "~5,0 1,3 1,7 5,10 9,7 9,3 5,0 / 6,7 10,11",
    "R": "1,10 1,0 / ~1,0 8,1 8,4 1,5 / 3,5 9,10",
    "T": "0,0 10,0 / 5,0 5,10",
    "U": "~1,0 1,7 5,10 9,7 9,0",
    "V": "0,0 5,10 10,0",
    "W": "0,0 2,10 5,3 8,10 10,0",
    "X": "0,0 10,10 / 10,0 0,10",
    "Y": "0,0 5,5 / 10,0 5,5 5,10",
    "a": "~8,3 4,2 1,6 4,10 8,6 / ~8,2 8,8 10,10",
    "c": "~8,3 4,2 1,6 4,10 8,9",
    "d": "~8,5 4,4 1,7 4,10 8,7 / 8,0 8,10",
    "e": "~1,6 8,6 7,2 3,2 1,6 4,10 8,8",
    "f": "~8,1 5,0 4,4 4,10 / 1,4 8,4",
    "h": "2,0 2,10 / ~2,6 5,3 8,6 8,10",
    "j": "~6,3 6,9 3,12 1,10 / 6,0",
    "k": "2,0 2,10 / 8,4 2,7 8,10",
    "m": "~0,10 0,3 / ~0,5 3,3 5,5 5,10 / ~5,5 8,3 10,5 10,10",
    "n": "1,3 1,10 / ~1,5 5,3 8,5 8,10",
    "p": "2,2 2,12 / ~2,4 6,2 9,5 6,8 2,7",
    "r": "2,3 2,10 / ~2,6 4,3 7,3",
    "t": "~4,0 4,9 8,10 / 1,3 8,3",
    "u": "~1,3 1,8 4,10 8,8 / 8,3 8,10",
    "v": "1,3 5,10 9,3",
    "w": "0,3 3,10 5,5 7,10 10,3",
    "x": "1,3 9,10 / 9,3 1,10",
}
SHAPES = {
    "dash": "0,5 10,5",
    "wave": "~0,5 2,3 5,6 8,4 10,5",
    "dot": "5,5",
    "two dots": "2,5 / 8,5",
    "plus": "5,0 5,10 / 0,5 10,5",
    "equals": "0,3 10,3 / 0,7 10,7",
    "triangle": "0,10 5,0 10,10 0,10",
    "square": "0,0 10,0 10,10 0,10 0,0",
    "diamond": "5,0 10,5 5,10 0,5 5,0",
    "tick": "0,6 4,10 10,0",
    "arrow": "0,5 10,5 / 7,2 10,5 7,8",
    "arrow up": "5,10 5,0 / 2,3 5,0 8,3",
    "hash": "3,0 3,10 / 7,0 7,10 / 0,3 10,3 / 0,7 10,7",
    "star": "2,10 5,0 8,10 0,4 10,4 2,10",
    "asterisk": "5,0 5,10 / 0,3 10,7 / 10,3 0,7",
    "heart": "~5,3 3,0 0,2 2,6 5,10 / ~5,3 7,0 10,2 8,6 5,10",
    "smiley": "~5,0 1,2 0,5 1,8 5,10 9,8 10,5 9,2 5,0 / 3,3 / 7,3 / ~3,6 5,8 7,6",
    "house": "1,4 1,10 9,10 9,4 5,0 1,4",
    "zigzag": "0,2 2,8 4,2 6,8 8,2 10,8",
    "question mark": "~2,2 5,0 8,2 6,5 5,7 / 5,10",
    "percent": "9,0 1,10 / ~2,0 0,2 2,4 4,2 2,0 / ~8,6 6,8 8,10 10,8 8,6",
    "bracket": "7,0 2,0 2,10 7,10",
}
MIRRORED = (2, 3, 4, 5, 6, 7, 9)  # no digit any more when left and right are swapped
TURNED = (2, 3, 4, 5, 6, 7, 9)  # nor when turned by a quarter


def make_non_digits(digits: Split, count: int, seed: int) -> np.ndarray:
    """Pictures of what is not a digit, normalised as a drawing is.

    Args:
        digits: to make some of the pictures from.
        count: how many.
        seed: makes them repeatable.

    Returns:
        (count, 28, 28) uint8, 255 = ink.
    """
    random = np.random.default_rng(seed)
    kinds = random.choice(len(KINDS), count, p=[share for _, share in KINDS])
    pictures = [np.round(255 * _normalised(KINDS[kind][0](digits, random))) for kind in kinds]
    return np.array(pictures, np.uint8).reshape(-1, normalize.IMAGE_SIDE, normalize.IMAGE_SIDE)


def glyph(text: str, random: np.random.Generator) -> np.ndarray:
    """Draw strokes written as in `LETTERS` by an unsteady hand: (SIDE, SIDE) float32 in [0, 1]."""
    lines = []
    for part in text.split("/"):
        part = part.strip()
        points = np.array([[float(value) for value in point.split(",")] for point in part.lstrip("~").split()])
        points += random.normal(0, random.uniform(0.1, 0.6), points.shape)
        lines.append(smooth_curve(points) if part.startswith("~") or random.random() < 0.15 else points)
    return _drawn(lines, random)


def _drawn(lines: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Stretch, slant and turn strokes on a 10x10 grid and draw them."""
    angle, slant = np.radians(random.normal(0, 8)), random.normal(0, 0.15)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag(random.uniform((0.5, 0.75), (1.0, 1.0)))
    matrix = turn @ np.array([[1, -slant], [0, 1]]) @ stretch * BODY / 10
    pen = random.uniform(0.05, 0.17) * BODY
    return draw_strokes([(line - 5) @ matrix.T + SIDE / 2 for line in lines], pen, SIDE)


def _letter(_: Split, random: np.random.Generator) -> np.ndarray:
    return glyph(LETTERS[random.choice(list(LETTERS))], random)


def _shape(_: Split, random: np.random.Generator) -> np.ndarray:
    return glyph(SHAPES[random.choice(list(SHAPES))], random)


def _scribble(_: Split, random: np.random.Generator) -> np.ndarray:
    """A wild curve; a few points of it could still make a 1, 2 or 3, so it has many."""
    lines = [smooth_curve(random.uniform(0, 10, (random.integers(6, 14), 2)))]
    return _drawn(lines, random)


def _mirrored(digits: Split, random: np.random.Generator) -> np.ndarray:
    return _pick(digits, MIRRORED, random)[:, ::-1]


def _turned(digits: Split, random: np.random.Generator) -> np.ndarray:
    return np.rot90(_pick(digits, TURNED, random), random.choice([1, 3]))


def _two_digits(digits: Split, random: np.random.Generator) -> np.ndarray:
    """Two digits next to one another, near or touching, taken for one."""
    left, right = (normalize.crop(_pick(digits, range(10), random)) for _ in range(2))
    gap = int(random.integers(-3, 5))
    sheet = np.zeros((normalize.IMAGE_SIDE, left.shape[1] + right.shape[1] + 5), np.float32)
    for digit, start in ((left, 0), (right, left.shape[1] + gap)):
        top = (normalize.IMAGE_SIDE - digit.shape[0]) // 2 + int(random.integers(-2, 3))
        part = sheet[max(0, top) : max(0, top) + digit.shape[0], max(0, start) : max(0, start) + digit.shape[1]]
        np.maximum(part, digit[: part.shape[0], : part.shape[1]], out=part)
    return sheet


def _pick(digits: Split, labels, random: np.random.Generator) -> np.ndarray:
    while True:
        index = random.integers(len(digits))
        if digits.labels[index] in labels:
            return digits.images[index].astype(np.float32) / 255


def _normalised(ink: np.ndarray) -> np.ndarray:
    return normalize.center_by_mass(
        normalize.resize_to_box(normalize.crop(np.where(ink < INK, 0, ink).astype(np.float32)))
    )


KINDS: list[tuple[Callable[[Split, np.random.Generator], np.ndarray], float]] = [
    (_letter, 0.45),
    (_shape, 0.18),
    (_scribble, 0.1),
    (_mirrored, 0.1),
    (_turned, 0.07),
    (_two_digits, 0.1),
]
