"""MNIST's digits as they would look had their writers drawn them on the Draw page's canvas.

MNIST's strokes were scanned: they swell, thin out and run together. A canvas has one round pen. A
network that knows both can tell them apart, and learns from redrawn digits how people draw
without forgetting how MNIST's writers wrote.
"""

import math

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

from mnistdash.imaging import normalize

LARGER = 5  # how much an image is enlarged before its lines are thinned to one pixel
SMOOTH = 1.25  # pixels at that size, of the blur that keeps ragged edges from growing branches
INK = 0.45  # what is darker after it is ink
BLOB = 1.4  # times the usual thickness: where ink is thicker, lines cross or a loop has run full
CROSSINGS = 0.1  # share of the lines that may be as thick
MARGIN = 6  # pixels, so that ink at the border is blurred to all sides
PEN = (normalize.STROKE_WIDTHS[0] - 0.2, normalize.STROKE_WIDTHS[1] + 0.2)  # pixels once the digit fits 20x20


def redraw_all(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(n, 28, 28) uint8 images, each as `redraw` makes it."""
    return np.array([redraw(image, random) for image in images], np.uint8).reshape(images.shape)


def redraw(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Follow a digit's middle lines with a round pen of one thickness.

    Args:
        image: (28, 28) uint8, 255 = ink.
        random: chooses the thickness.

    Returns:
        (28, 28) uint8, in a 20x20 box and centred by mass; the image itself where its lines cannot
        be followed, as there is no ink or a loop has run full.
    """
    side = LARGER * normalize.IMAGE_SIDE
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    ink = ndimage.gaussian_filter(np.pad(np.asarray(large, np.float32) / 255, MARGIN), SMOOTH) > INK
    if not ink.any():
        return image
    ink = np.pad(normalize.crop(ink), 1)
    lines = skeletonize(ink)
    depth = ndimage.distance_transform_edt(ink)[lines]
    if (depth > BLOB * np.median(depth)).mean() > CROSSINGS:
        return image
    lines = normalize.crop(lines)
    wanted = random.uniform(*PEN)
    # The pen makes the digit larger by its own thickness.
    pen = wanted * max(lines.shape) / (normalize.BOX_SIDE - wanted)
    distance = ndimage.distance_transform_edt(~np.pad(lines, math.ceil(pen / 2) + 1))
    drawn = np.clip(pen / 2 + 0.5 - distance, 0, 1).astype(np.float32)
    return np.round(255 * normalize.center_by_mass(normalize.resize_to_box(normalize.crop(drawn)))).astype(np.uint8)
