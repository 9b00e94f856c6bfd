"""Redraw MNIST's digits as their writers would have drawn them on the Draw page's canvas.

MNIST's strokes were scanned: their width varies, and they run together. A canvas has one round pen. A network that
knows both can tell them apart, and learns from redrawn digits how people draw without forgetting how MNIST's writers
wrote.
"""

import math

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

from mnistdash.imaging import normalize

SCALE = 5  # the image is enlarged before its strokes are thinned to one pixel
BLUR = 1.25  # pixels at that size, standard deviation; ragged edges would grow branches
THRESHOLD = 0.45  # of the blurred foreground
WIDE = 1.4  # times the median stroke width; there strokes cross, or a loop is filled
MAX_WIDE_SHARE = 0.1  # of the center lines
MARGIN = 6  # pixels, for the blur
STROKE_WIDTHS = (normalize.STROKE_WIDTHS[0] - 0.2, normalize.STROKE_WIDTHS[1] + 0.2)  # pixels in the 20x20 box


def redraw_all(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply `redraw` to (n, 28, 28) uint8 images."""
    return np.array([redraw(image, rng) for image in images], np.uint8).reshape(images.shape)


def redraw(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Trace a digit's center lines with a round pen.

    Args:
        image: (28, 28) uint8, 255 = stroke.
        rng: chooses the width of the pen.

    Returns:
        (28, 28) uint8 in a 20x20 box, centered by mass; the image itself if it is blank or a loop is filled.
    """
    side = SCALE * normalize.IMAGE_SIDE
    enlarged = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    foreground = ndimage.gaussian_filter(np.pad(np.asarray(enlarged, np.float32) / 255, MARGIN), BLUR) > THRESHOLD
    if not foreground.any():
        return image
    foreground = np.pad(normalize.crop(foreground), 1)
    center_lines: np.ndarray = skeletonize(foreground)  # type: ignore[no-untyped-call]
    half_width = ndimage.distance_transform_edt(foreground)[center_lines]
    if (half_width > WIDE * np.median(half_width)).mean() > MAX_WIDE_SHARE:
        return image
    center_lines = normalize.crop(center_lines)
    target = rng.uniform(*STROKE_WIDTHS)
    # The pen enlarges the digit by its own width.
    width = target * max(center_lines.shape) / (normalize.BOX_SIDE - target)
    distance = ndimage.distance_transform_edt(~np.pad(center_lines, math.ceil(width / 2) + 1))
    redrawn = np.clip(width / 2 + 0.5 - distance, 0, 1).astype(np.float32)
    return np.round(255 * normalize.fit_and_center(redrawn)).astype(np.uint8)
