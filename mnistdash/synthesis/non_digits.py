"""Make pictures that are not digits: letters, shapes, scribbles, and digits that went wrong."""

import tomllib
from collections.abc import Callable, Container
from pathlib import Path

import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.imaging import normalize
from mnistdash.synthesis.pen import draw_strokes, smooth_curve

SIDE = 140  # pixels, of the drawing
GLYPH_SIDE = 72  # pixels, of the glyph in it, before it is stretched and rotated
MIN_FOREGROUND = 0.1  # fainter pixels would widen the bounding box

GLYPHS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("glyphs.toml").read_text())
LETTERS, SHAPES = GLYPHS["letters"], GLYPHS["shapes"]
MIRRORED = ROTATED = (2, 3, 4, 5, 6, 7, 9)  # not digits any more when mirrored, or rotated by 90 degrees


def make_non_digits(digits: Split, count: int, seed: int) -> np.ndarray:
    """Make pictures that are not digits, normalized like drawings.

    Args:
        digits: source of mirrored, rotated and paired digits.
        count: number of pictures.
        seed: makes the result reproducible.

    Returns:
        (count, 28, 28) uint8, 255 = stroke.
    """
    rng = np.random.default_rng(seed)
    kinds = rng.choice(len(KINDS), count, p=[share for _, share in KINDS])
    pictures = [np.round(255 * _normalize(KINDS[kind][0](digits, rng))) for kind in kinds]
    return np.array(pictures, np.uint8).reshape(-1, normalize.IMAGE_SIDE, normalize.IMAGE_SIDE)


def draw_glyph(glyph: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a glyph of `glyphs.toml` with an unsteady hand: (SIDE, SIDE) float32 in [0, 1]."""
    strokes = []
    for stroke in glyph.split("/"):
        stroke = stroke.strip()
        points = np.array([[float(value) for value in point.split(",")] for point in stroke.lstrip("~").split()])
        points += rng.normal(0, rng.uniform(0.1, 0.6), points.shape)
        strokes.append(smooth_curve(points) if stroke.startswith("~") or rng.random() < 0.15 else points)
    return _draw_transformed(strokes, rng)


def _draw_transformed(strokes: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw strokes of a 10x10 grid, randomly stretched, slanted and rotated."""
    angle, slant = np.radians(rng.normal(0, 8)), rng.normal(0, 0.15)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag(rng.uniform((0.5, 0.75), (1.0, 1.0)))
    matrix = rotation @ np.array([[1, -slant], [0, 1]]) @ stretch * GLYPH_SIDE / 10
    width = rng.uniform(0.05, 0.17) * GLYPH_SIDE
    return draw_strokes([(stroke - 5) @ matrix.T + SIDE / 2 for stroke in strokes], width, SIDE)


def _letter(_: Split, rng: np.random.Generator) -> np.ndarray:
    return draw_glyph(LETTERS[rng.choice(list(LETTERS))], rng)


def _shape(_: Split, rng: np.random.Generator) -> np.ndarray:
    return draw_glyph(SHAPES[rng.choice(list(SHAPES))], rng)


def _scribble(_: Split, rng: np.random.Generator) -> np.ndarray:
    """Draw a random curve with many points; a curve with few could be a 1, 2 or 3."""
    return _draw_transformed([smooth_curve(rng.uniform(0, 10, (rng.integers(6, 14), 2)))], rng)


def _mirrored_digit(digits: Split, rng: np.random.Generator) -> np.ndarray:
    return _pick_digit(digits, MIRRORED, rng)[:, ::-1]


def _rotated_digit(digits: Split, rng: np.random.Generator) -> np.ndarray:
    return np.rot90(_pick_digit(digits, ROTATED, rng), rng.choice([1, 3]))


def _two_digits(digits: Split, rng: np.random.Generator) -> np.ndarray:
    """Place two digits side by side, close or touching, as if they were one."""
    left, right = (normalize.crop(_pick_digit(digits, range(10), rng)) for _ in range(2))
    gap = int(rng.integers(-3, 5))
    canvas = np.zeros((normalize.IMAGE_SIDE, left.shape[1] + right.shape[1] + 5), np.float32)
    for digit, start in ((left, 0), (right, left.shape[1] + gap)):
        top = (normalize.IMAGE_SIDE - digit.shape[0]) // 2 + int(rng.integers(-2, 3))
        part = canvas[max(0, top) : max(0, top) + digit.shape[0], max(0, start) : max(0, start) + digit.shape[1]]
        np.maximum(part, digit[: part.shape[0], : part.shape[1]], out=part)
    return canvas


def _pick_digit(digits: Split, labels: Container[int], rng: np.random.Generator) -> np.ndarray:
    while True:
        index = rng.integers(len(digits))
        if digits.labels[index] in labels:
            digit: np.ndarray = digits.images[index].astype(np.float32) / 255
            return digit


def _normalize(foreground: np.ndarray) -> np.ndarray:
    return normalize.fit_and_center(np.where(foreground < MIN_FOREGROUND, 0, foreground).astype(np.float32))


# Each with its share.
KINDS: list[tuple[Callable[[Split, np.random.Generator], np.ndarray], float]] = [
    (_letter, 0.45),
    (_shape, 0.18),
    (_scribble, 0.1),
    (_mirrored_digit, 0.1),
    (_rotated_digit, 0.07),
    (_two_digits, 0.1),
]
