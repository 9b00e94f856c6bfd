"""Normalize any drawing or photo to the 28x28 image that MNIST would have made of it."""

import math

import numpy as np
from PIL import Image
from scipy import ndimage

from mnistdash.imaging.binarize import extract_foreground
from mnistdash.imaging.stroke_width import distance_inside, mean_stroke_width

IMAGE_SIDE = 28  # pixels, both sides of an MNIST image
BOX_SIDE = 20  # pixels, the larger side of the digit inside it
STROKE_WIDTHS = (2.2, 3.0)  # pixels, smallest and largest there; MNIST's quartiles are 2.1 and 3.1
THIN_PERCENTILE = 10  # of the stroke width along a digit's strokes
WORK_SIDE = 160  # pixels; strokes are made wider or thinner at this size
MIN_GROWTH = 0.25  # pixels at that size; smaller changes are skipped


def to_mnist(image: np.ndarray) -> np.ndarray:
    """Turn a drawing or photo into the image MNIST would have made of it.

    Args:
        image: (height, width), (…, 3) or (…, 4) uint8; strokes may be dark on light, light on dark, or the opaque part
            of a transparent image; a photo may be unevenly lit.

    Returns:
        (28, 28) float32 in [0, 1], 1 = stroke; strokes as wide as MNIST's, in a 20x20 box, centered by mass.

    Raises:
        BlankImageError: nothing is drawn.

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998, section III.A.
    """
    return normalization_steps(crop(extract_foreground(image)))[-1][1]


def normalization_steps(digit: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Normalize a cropped digit, (height, width) float32 in [0, 1], to (28, 28) float32.

    Returns:
        The result of each step, with a name to show.
    """
    adjusted = normalize_stroke_width(digit)
    fitted = resize_to_box(adjusted)
    return [
        ("Cropped", digit),
        ("Stroke width normalized", adjusted),
        (f"Fitted to {BOX_SIDE} × {BOX_SIDE}", fitted),
        (f"Centered in {IMAGE_SIDE} × {IMAGE_SIDE}", center_by_mass(fitted)),
    ]


def crop(foreground: np.ndarray) -> np.ndarray:
    """Crop (height, width) foreground, which must not be blank, to its bounding box."""
    rows, columns = np.flatnonzero(foreground.any(1)), np.flatnonzero(foreground.any(0))
    return foreground[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def normalize_stroke_width(digit: np.ndarray) -> np.ndarray:
    """Make the strokes of a cropped digit as wide as those of MNIST's writers.

    Args:
        digit: (height, width) float32 in [0, 1], 1 = stroke, without a margin.

    Returns:
        The digit, resized where its stroke width changes, without a margin; float32 in [0, 1].
    """
    longest = max(digit.shape)
    height, width = (max(1, round(side * WORK_SIDE / longest)) for side in digit.shape)
    resized = np.asarray(Image.fromarray(digit).resize((width, height), Image.Resampling.BICUBIC))
    inside = distance_inside(resized)
    current = mean_stroke_width(inside)
    target = min(max(current * BOX_SIDE / WORK_SIDE, STROKE_WIDTHS[0]), STROKE_WIDTHS[1])
    # Growing by r on each side makes a stroke wider by 2r, and the digit larger by as much.
    growth = (target * WORK_SIDE / BOX_SIDE - current) / (1 - target / BOX_SIDE) / 2
    if growth < 0:
        # No stroke may lose more than half, or a thin one would vanish beside a wide one.
        center_lines = inside[(inside > 0) & (inside == ndimage.maximum_filter(inside, 3))]
        growth = max(growth, -np.percentile(center_lines, THIN_PERCENTILE) / 2)
    if current == 0 or abs(growth) < MIN_GROWTH:
        return digit
    margin = math.ceil(max(growth, 0)) + 1
    padded = np.pad(resized > 0.5, margin)
    outside = ndimage.distance_transform_edt(~padded)
    # To the edge; negative inside.
    distance = outside - np.pad(inside, margin - 1) + np.where(padded, 0.5, -0.5)
    return crop(np.clip(0.5 + growth - distance, 0, 1).astype(np.float32))


def resize_to_box(digit: np.ndarray) -> np.ndarray:
    """Resize a cropped digit so that its larger side has BOX_SIDE pixels; float32 in [0, 1]."""
    scale = BOX_SIDE / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    return np.asarray(Image.fromarray(digit, "F").resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)


def center_by_mass(digit: np.ndarray) -> np.ndarray:
    """Place a digit of at most 28x28 pixels with its center of mass in the middle: (28, 28) float32."""
    height, width = digit.shape
    row, column = ndimage.center_of_mass(digit) if digit.any() else (height / 2, width / 2)
    top, left = _clip_offset(row, height), _clip_offset(column, width)
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    image[top : top + height, left : left + width] = digit
    return image


def fit_and_center(foreground: np.ndarray) -> np.ndarray:
    """Crop (height, width) float32 foreground, resize it to the box and center it by mass: (28, 28) float32."""
    return center_by_mass(resize_to_box(crop(foreground)))


def _clip_offset(center: float, length: int) -> int:
    """Return the offset that puts `center` in the middle of the image, as far as `length` pixels then fit."""
    return int(np.clip(round(float((IMAGE_SIDE - 1) / 2 - center)), 0, IMAGE_SIDE - length))
