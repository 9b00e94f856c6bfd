"""Any drawing or photo becomes the 28x28 image that MNIST would have made of it."""

import math

import numpy as np
from PIL import Image
from scipy import ndimage

from mnistdash.imaging import stroke_width
from mnistdash.imaging.binarize import extract_foreground

IMAGE_SIDE = 28  # pixels, both sides of a MNIST image
BOX_SIDE = 20  # pixels, the larger side of the digit inside it
STROKE_WIDTHS = (2.2, 3.0)  # pixels, the strokes' thickness there; MNIST's quartiles are 2.1 and 3.1
THINNEST = 10  # percentile of half the thickness along a digit's strokes that counts as its thinnest
PEN_SIDE = 160  # pixels; strokes are made thicker or thinner at this size


def to_mnist(image: np.ndarray) -> np.ndarray:
    """Turn a drawing or photo into the image MNIST would have made of it.

    Args:
        image: (height, width), (…, 3) or (…, 4) uint8; ink may be dark on light or light on
            dark, or be all that is not transparent; a photo may be unevenly lit.

    Returns:
        (28, 28) float32 in [0, 1], 1 = ink; strokes as thick as MNIST's, in a 20x20 box, centred
        by mass.

    Raises:
        BlankImageError: nothing is drawn.

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    section III.A.
    """
    return normalize(crop(extract_foreground(image)))


def normalize(digit: np.ndarray) -> np.ndarray:
    """A cropped digit, (height, width) float32 in [0, 1], as MNIST would show it: (28, 28) float32."""
    return normalization_steps(digit)[-1][1]


def normalization_steps(digit: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What `normalise` does to a cropped digit, one step after the other, each with its name."""
    evened = normalize_stroke_width(digit)
    fitted = resize_to_box(evened)
    return [
        ("Cropped", digit),
        ("Stroke evened", evened),
        (f"Fitted to {BOX_SIDE} × {BOX_SIDE}", fitted),
        (f"Centred in {IMAGE_SIDE} × {IMAGE_SIDE}", center_by_mass(fitted)),
    ]


def crop(ink: np.ndarray) -> np.ndarray:
    """The smallest part of (height, width) ink that holds all of it; there must be some."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def normalize_stroke_width(
    digit: np.ndarray, low: float = STROKE_WIDTHS[0], high: float = STROKE_WIDTHS[1]
) -> np.ndarray:
    """Draw a cropped digit as if with one of the pens of MNIST's writers.

    Args:
        digit: (height, width) float32 in [0, 1], 1 = ink, without a margin.
        low, high: the thinnest and thickest strokes wanted, in pixels once the digit fits 20x20.

    Returns:
        The digit with a margin of paper if its strokes were too thin, with thinner strokes if they
        were too thick, else unchanged.
    """
    longest = max(digit.shape)
    size = tuple(max(1, round(side * PEN_SIDE / longest)) for side in reversed(digit.shape))
    sized = np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC))
    inside = stroke_width.distance_inside(sized)
    now = stroke_width.mean_stroke_width(inside)
    wanted = min(max(now * BOX_SIDE / PEN_SIDE, low), high)
    # Growing by r on each side makes a stroke of t thicker by 2r, and the digit larger by as much.
    grow = (wanted * PEN_SIDE / BOX_SIDE - now) / (1 - wanted / BOX_SIDE) / 2
    if grow < 0:
        # Strokes vary: none may lose more than half, or a thin one would vanish beside a thick one.
        middles = inside[(inside > 0) & (inside == ndimage.maximum_filter(inside, 3))]
        grow = max(grow, -np.percentile(middles, THINNEST) / 2)
    if now == 0 or abs(grow) < 0.25:
        return digit
    margin = math.ceil(max(grow, 0)) + 1
    padded = np.pad(sized > 0.5, margin)
    outside = ndimage.distance_transform_edt(~padded)
    distance = outside - np.pad(inside, margin - 1) + np.where(padded, 0.5, -0.5)  # to the edge, negative inside
    return crop(np.clip(0.5 + grow - distance, 0, 1).astype(np.float32))


def resize_to_box(digit: np.ndarray) -> np.ndarray:
    """Scale a cropped digit so that its larger side has FIT pixels, smoothing its edges."""
    height, width = digit.shape
    scale = BOX_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(digit, "F").resize(size, Image.Resampling.BICUBIC)).clip(0, 1)


def center_by_mass(fitted: np.ndarray) -> np.ndarray:
    """Put a digit of at most 20x20 on 28x28 pixels, its centre of mass in the middle."""
    rows, columns = np.indices(fitted.shape)
    mass = max(float(fitted.sum()), 1e-6)
    middle = (IMAGE_SIDE - 1) / 2
    top = _inside(middle - (rows * fitted).sum() / mass, fitted.shape[0])
    left = _inside(middle - (columns * fitted).sum() / mass, fitted.shape[1])
    placed = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    placed[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return placed


def _inside(start: float, length: int) -> int:
    return int(np.clip(round(float(start)), 0, IMAGE_SIDE - length))
