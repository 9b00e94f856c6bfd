"""Image files as arrays of pixels."""

import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 40_000_000  # of an image file; a phone's photo has 12 to 24 million
WORK_SIDE = 1_000  # pixels; a larger image is first reduced to this, which loses nothing at 28x28


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


def _is_empty(source: Path | BinaryIO) -> bool:
    if isinstance(source, Path):
        return source.stat().st_size == 0
    return source.seek(0, os.SEEK_END) == 0


def _pixels(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits: Pillow's own conversion clips
        values = np.asarray(image, np.float32)
        low, high = float(values.min()), float(values.max())
        image = Image.fromarray(np.round(255 * (values - low) / max(high - low, 1e-6)).astype(np.uint8))
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    image = image.convert("RGBA" if transparent else "L")
    image.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX)
    return np.asarray(image)
