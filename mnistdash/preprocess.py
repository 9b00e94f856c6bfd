"""Any drawing or photo becomes the 28x28 image that MNIST would have made of it."""

import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SIZE = 28  # pixels, both sides of a MNIST image
FIT = 20  # pixels, the larger side of the digit inside it
MAX_PIXELS = 40_000_000  # of an image file; a phone's photo has 12 to 24 million
WORK_SIDE = 1_000  # pixels; a larger image is first reduced to this, which loses nothing at 28x28
FAINTEST = 0.08  # contrast in [0, 1] under which nothing counts as drawn
NOISE = 0.2  # share of the ink's contrast that still counts as paper


class ImageError(Exception):
    """An image cannot be used; the message is one sentence for the user."""


class UnreadableImageError(ImageError):
    """The file is not an image, is damaged, or is too large."""


class BlankImageError(ImageError):
    """Nothing is drawn."""


def read_image(source: Path | BinaryIO, name: str | None = None) -> np.ndarray:
    """Decode an image file, turned the way its EXIF data says.

    Args:
        source: a path, or a binary file object such as an upload.
        name: what to call the image in errors; by default the path.

    Returns:
        (height, width) or (height, width, 4) uint8, at most WORK_SIDE pixels a side.

    Raises:
        UnreadableImageError: it cannot be read; the message says why.
    """
    name = name or str(source)
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images; the limit here is lower and is checked before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    limit = f"{MAX_PIXELS / 1e6:.0f} megapixels"
                    raise UnreadableImageError(
                        f"{name}: {width} x {height} pixels are too many; use an image of at most {limit}."
                    )
                image.draft("RGB", (WORK_SIDE, WORK_SIDE))  # a JPEG is decoded at a fraction of its size
                return _pixels(ImageOps.exif_transpose(image))
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        what = "the file is empty" if _is_empty(source) else "not an image"
        raise UnreadableImageError(f"{name}: {what}; use PNG, JPEG or another common format.") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"{name}: the image is too large; use at most 40 megapixels.") from error
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{name}: there is no such file.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # what Pillow raises on damaged files
        raise UnreadableImageError(f"{name}: the image is damaged or cannot be read ({error}).") from error


def to_mnist(image: np.ndarray) -> np.ndarray:
    """Turn a drawing or photo into the image MNIST would have made of it.

    Args:
        image: (height, width), (…, 3) or (…, 4) uint8; ink may be dark on light or light on
            dark, or be all that is not transparent.

    Returns:
        (28, 28) float32 in [0, 1], 1 = ink; fits a 20x20 box, centred by mass.

    Raises:
        BlankImageError: nothing is drawn.

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    section III.A.
    """
    return place(crop(find_ink(image)))


def find_ink(image: np.ndarray) -> np.ndarray:
    """Tell ink from paper.

    Args:
        image: as for `to_mnist`.

    Returns:
        (height, width) float32 in [0, 1], 1 = ink, 0 = paper.

    Raises:
        BlankImageError: nothing is drawn.
    """
    grey = _grey(image)
    if grey.size == 0:
        raise BlankImageError("The image is empty.")
    # Ink covers less than half of a drawing, so the median is the paper.
    contrast = grey - np.median(grey)
    if np.square(contrast[contrast < 0]).sum() > np.square(contrast[contrast > 0]).sum():
        contrast = -contrast
    strongest = np.median(contrast[contrast > contrast.max() / 2]) if contrast.max() > 0 else 0.0
    if strongest < FAINTEST:
        raise BlankImageError("Nothing is drawn.")
    return np.clip((contrast / strongest - NOISE) / (1 - NOISE), 0, 1).astype(np.float32)


def crop(ink: np.ndarray) -> np.ndarray:
    """The smallest part of (height, width) ink that holds all of it; there must be some."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def place(digit: np.ndarray) -> np.ndarray:
    """Fit a cropped digit into 20x20 and put its centre of mass in the middle of 28x28.

    Args:
        digit: (height, width) float32 in [0, 1], 1 = ink, without a margin.

    Returns:
        (28, 28) float32 in [0, 1].
    """
    height, width = digit.shape
    scale = FIT / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    fitted = np.asarray(Image.fromarray(digit, "F").resize(size, Image.Resampling.BICUBIC)).clip(0, 1)
    rows, columns = np.indices(fitted.shape)
    mass = max(float(fitted.sum()), 1e-6)
    middle = (SIZE - 1) / 2
    top = _inside(middle - (rows * fitted).sum() / mass, fitted.shape[0])
    left = _inside(middle - (columns * fitted).sum() / mass, fitted.shape[1])
    placed = np.zeros((SIZE, SIZE), np.float32)
    placed[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return placed


def _is_empty(source: Path | BinaryIO) -> bool:
    if isinstance(source, Path):
        return source.stat().st_size == 0
    return source.seek(0, os.SEEK_END) == 0


def _inside(start: float, length: int) -> int:
    return int(np.clip(round(float(start)), 0, SIZE - length))


def _pixels(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits: Pillow's own conversion clips
        values = np.asarray(image, np.float32)
        low, high = float(values.min()), float(values.max())
        image = Image.fromarray(np.round(255 * (values - low) / max(high - low, 1e-6)).astype(np.uint8))
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    image = image.convert("RGBA" if transparent else "L")
    image.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX)
    return np.asarray(image)


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
