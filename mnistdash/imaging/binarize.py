"""Tells ink from paper, in drawings and in photos."""

import numpy as np
from PIL import Image
from scipy import ndimage

from mnistdash.exceptions import BlankImageError
from mnistdash.imaging import stroke_width

FAINTEST = 0.08  # contrast in [0, 1] under which nothing counts as drawn
NOISE = 0.2  # share of the ink's contrast that still counts as paper
EVEN = 0.04  # how far the paper's brightness may be from its median to count as even
PAPER_SIDE = 128  # pixels; uneven paper is estimated at this size
WINDOW = 3  # the paper around a pixel is judged in a window of one WINDOW-th of the image's side
EDGE = 5  # pixels at that size, around a pixel, whose paper counts as near
GRAIN = 5  # standard deviations of the paper's grain under which contrast is grain
SPECK = 0.3  # of the squared stroke thickness: what is smaller was not drawn with that pen
CONNECTIVITY = np.ones((3, 3), bool)  # pixels that touch at a corner belong together


def extract_foreground(image: np.ndarray) -> np.ndarray:
    """Tell ink from paper.

    Args:
        image: (height, width), (…, 3) or (…, 4) uint8, as for `preprocess.to_mnist`.

    Returns:
        (height, width) float32 in [0, 1], 1 = ink, 0 = paper.

    Raises:
        BlankImageError: nothing is drawn.
    """
    grey = _grey(image)
    if grey.size == 0:
        raise BlankImageError("The image is empty.")
    darkest, lightest, grain = _paper(grey)
    # Dark ink takes a share of the light away, so in a shadow it stands out less.
    contrast = (darkest - grey) / np.maximum(darkest, FAINTEST)
    if np.square((grey - lightest).clip(0)).sum() > np.square((darkest - grey).clip(0)).sum():
        contrast = grey - lightest
    strongest = np.median(contrast[contrast > contrast.max() / 2]) if contrast.max() > 0 else 0.0
    if strongest < max(FAINTEST, 2 * GRAIN * grain):
        raise BlankImageError("Nothing is drawn.")
    noise = max(NOISE, GRAIN * grain / strongest)
    return remove_specks(np.clip((contrast / strongest - noise) / (1 - noise), 0, 1).astype(np.float32))


def remove_specks(ink: np.ndarray) -> np.ndarray:
    """(height, width) float32 ink without blobs that are too small for the pen that drew the rest."""
    labels, count = ndimage.label(ink > 0, CONNECTIVITY)
    if count < 2:
        return ink
    areas = ndimage.sum_labels(ink, labels, np.arange(count + 1))
    is_drawn = areas >= SPECK * stroke_width.stroke_width(ink) ** 2
    is_drawn[areas.argmax()] = True
    return np.where(is_drawn[labels], ink, np.float32(0))


def _paper(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The darkest and the lightest that the paper is near each pixel, and the standard deviation of its grain."""
    # Ink covers less than half of a drawing, so the median is the paper.
    level = np.median(grey)
    is_paper = np.abs(grey - level) < EVEN
    border = np.concatenate([is_paper[0], is_paper[-1], is_paper[:, 0], is_paper[:, -1]])
    # A shadow reaches the border; of a drawing's border most is paper.
    if is_paper.mean() > 0.5 and border.mean() > 0.7:
        darkest = lightest = level
    else:
        darkest, lightest = _uneven_paper(grey)
    # Half of all pixels are at most 0.67 standard deviations from the mean.
    return darkest, lightest, float(np.median(np.abs(grey - (darkest + lightest) / 2)) / 0.67)


def _uneven_paper(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The darkest and the lightest paper near each pixel, where light falls unevenly."""
    height, width = grey.shape
    scale = min(1.0, PAPER_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))
    window = max(small.shape) // WINDOW | 1
    # Medians keep a shadow's edge where it is, though not to the pixel: ink is what is darker, or
    # lighter, than the paper on both of its sides.
    paper = small
    for shape in ((1, window), (window, 1)):
        paper = ndimage.median_filter(paper, shape, mode="nearest")
    return tuple(
        np.asarray(Image.fromarray(edge(paper, EDGE)).resize((width, height), Image.Resampling.BILINEAR))
        for edge in (ndimage.minimum_filter, ndimage.maximum_filter)
    )


def _grey(image: np.ndarray) -> np.ndarray:
    """(height, width) float32 in [0, 1]; what is transparent becomes paper."""
    values = image.astype(np.float32) / 255
    if values.ndim == 2:
        return values
    grey = values[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    if values.shape[-1] == 4:
        alpha = values[..., 3]
        drawn = float((grey * alpha).sum() / max(float(alpha.sum()), 1e-6))
        paper = 0.0 if drawn > 0.5 else 1.0  # what stands out from what is drawn
        grey = grey * alpha + paper * (1 - alpha)
    return grey
