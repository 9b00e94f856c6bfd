"""Separate foreground (the strokes) from background (the paper), in drawings and photos."""

import numpy as np
from PIL import Image
from scipy import ndimage

from mnistdash.exceptions import BlankImageError
from mnistdash.imaging.stroke_width import stroke_width

MIN_CONTRAST = 0.08  # in [0, 1]; an image with less is blank
MIN_STROKE_CONTRAST = 0.2  # share of the strokes' contrast below which a pixel is background
MAX_BACKGROUND_DEVIATION = 0.04  # from the median brightness, for the background to count as even
BACKGROUND_SIDE = 128  # pixels; an uneven background is estimated at this size
WINDOW_SHARE = 3  # the median window is one third of that side
NEIGHBORHOOD = 5  # pixels at that size
NOISE_DEVIATIONS = 5  # standard deviations of the background's noise; less contrast is noise
MIN_COMPONENT_AREA = 0.3  # of the squared stroke width; the pen draws nothing smaller
CONNECTIVITY = np.ones((3, 3), bool)  # pixels that touch at a corner are connected


def extract_foreground(image: np.ndarray) -> np.ndarray:
    """Separate the strokes from the background.

    Args:
        image: (height, width), (…, 3) or (…, 4) uint8, as for `to_mnist`.

    Returns:
        (height, width) float32 in [0, 1], 1 = stroke, 0 = background.

    Raises:
        BlankImageError: nothing is drawn.
    """
    gray = _to_gray(image)
    if gray.size == 0:
        raise BlankImageError("The image is empty.")
    darkest, lightest, noise = _estimate_background(gray)
    # Dark strokes absorb a share of the light, so they have less contrast in a shadow.
    contrast = (darkest - gray) / np.maximum(darkest, MIN_CONTRAST)
    if np.square((gray - lightest).clip(0)).sum() > np.square((darkest - gray).clip(0)).sum():
        contrast = gray - lightest
    stroke_contrast = np.median(contrast[contrast > contrast.max() / 2]) if contrast.max() > 0 else 0.0
    if stroke_contrast < max(MIN_CONTRAST, 2 * NOISE_DEVIATIONS * noise):
        raise BlankImageError("Nothing is drawn.")
    threshold = max(MIN_STROKE_CONTRAST, NOISE_DEVIATIONS * noise / stroke_contrast)
    foreground = np.clip((contrast / stroke_contrast - threshold) / (1 - threshold), 0, 1)
    return remove_specks(foreground.astype(np.float32))


def remove_specks(foreground: np.ndarray) -> np.ndarray:
    """Remove connected components too small for the pen: (height, width) float32 in [0, 1] to the same."""
    labels, count = ndimage.label(foreground > 0, CONNECTIVITY)
    if count < 2:
        return foreground
    areas = ndimage.sum_labels(foreground, labels, np.arange(count + 1))
    is_kept = areas >= MIN_COMPONENT_AREA * stroke_width(foreground) ** 2
    is_kept[areas.argmax()] = True
    return np.where(is_kept[labels], foreground, np.float32(0))


def _estimate_background(gray: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the darkest and lightest background near each pixel, and the standard deviation of its noise."""
    # Strokes cover less than half of a drawing, so the median is background.
    median = np.median(gray)
    is_background = np.abs(gray - median) < MAX_BACKGROUND_DEVIATION
    border = np.concatenate([is_background[0], is_background[-1], is_background[:, 0], is_background[:, -1]])
    # A shadow reaches the border; most of a drawing's border is background.
    if is_background.mean() > 0.5 and border.mean() > 0.7:
        darkest = lightest = median
    else:
        darkest, lightest = _estimate_uneven_background(gray)
    # Half of all pixels are at most 0.67 standard deviations from the mean.
    return darkest, lightest, float(np.median(np.abs(gray - (darkest + lightest) / 2)) / 0.67)


def _estimate_uneven_background(gray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the darkest and lightest background near each pixel of an unevenly lit photo."""
    height, width = gray.shape
    scale = min(1.0, BACKGROUND_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    background = np.asarray(Image.fromarray(gray).resize(size, Image.Resampling.BOX))
    window = max(background.shape) // WINDOW_SHARE | 1
    # Medians keep a shadow's edge, though not to the pixel: strokes must be darker, or lighter, than the background on
    # both sides of the edge.
    for shape in ((1, window), (window, 1)):
        background = ndimage.median_filter(background, shape, mode="nearest")
    darkest, lightest = (
        np.asarray(Image.fromarray(limit(background, NEIGHBORHOOD)).resize((width, height), Image.Resampling.BILINEAR))
        for limit in (ndimage.minimum_filter, ndimage.maximum_filter)
    )
    return darkest, lightest


def _to_gray(image: np.ndarray) -> np.ndarray:
    """Convert to (height, width) float32 in [0, 1], with transparent pixels as background."""
    values = image.astype(np.float32) / 255
    if values.ndim == 2:
        return values
    gray: np.ndarray = values[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    if values.shape[-1] == 4:
        alpha = values[..., 3]
        drawn = float((gray * alpha).sum() / max(float(alpha.sum()), 1e-6))
        background = 0.0 if drawn > 0.5 else 1.0  # contrasts with the opaque pixels
        gray = gray * alpha + background * (1 - alpha)
    return gray
