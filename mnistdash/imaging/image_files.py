"""Read image files safely: any file gives pixels or one sentence, in bounded memory and time.

Pillow decodes PNG, JPEG, WebP, GIF and BMP in this process, behind a few checks. AVIF and HEIC decoders cannot be
limited from outside, so `decode_in_child.py` runs them in a child process.
"""

import io
import logging
import math
import os
import subprocess
import sys
import threading
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from mnistdash.exceptions import UnreadableImageError
from mnistdash.text import code_span

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
# AVIF and HEIC files name one of these at byte 8.
CHILD_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
USE_FORMATS = "use PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC"
TOO_SLOW = "decoding takes too long; use a smaller image."
WORK_SIDE = 1_000  # pixels; larger images are reduced to this, which loses nothing at 28x28

MAX_FILE_BYTES = 50_000_000  # the dashboard's own limit for uploads is 20 MB
MAX_SIDE = 65_535  # pixels; the limit of JPEG and GIF
MAX_MEMORY = 280_000_000  # bytes to decode and reduce an image
MAX_HEADER_BYTES = 2_000_000  # before the pixels
MAX_JPEG_HEADER_BYTES = 8_000_000  # some phones store a depth map there
MAX_EXIF_BYTES = 1_000_000  # Pillow takes 25 times as much to parse it
MAX_JPEG_EXIF_SEGMENTS = 16  # of 65,533 bytes at most; Pillow parses them when it opens the file
MAX_JPEG_SCANS = 1_000  # each visits the whole image; progressive JPEGs have about 10
MAX_SECONDS = 20  # the largest photos take 2
DECODER_BYTES = {"WEBP": 16}  # per pixel, Pillow's image included; 4 for other formats

os.environ["JPEGMEM"] = "150M"  # libjpeg refuses a progressive JPEG that needs more
PngImagePlugin.MAX_TEXT_MEMORY = 4 * 2**20  # bytes; unpacked text takes four times as much
# malloc returns blocks of this size to the operating system when they are freed; Pillow's default of 16 MiB may stay.
Image.core.set_block_size(2**26)  # type: ignore[attr-defined]

# One image at a time: thirty uploads at once would take thirty times the memory.
_lock = threading.Lock()


def read_image(source: Path | BinaryIO, name: str | None = None) -> np.ndarray:
    """Decode an image file and apply its EXIF orientation; of several images, decode the first.

    Args:
        source: a path, or a binary file object such as an upload.
        name: the file's name for error messages, which are then Markdown; by default they begin with the path.

    Returns:
        (height, width) or (height, width, 4) uint8, at most WORK_SIDE pixels a side.

    Raises:
        UnreadableImageError: the file is missing, damaged, too large or not in a supported format.
    """
    # Pillow warns of large images, which are limited here, and of harmless damage.
    with _lock, warnings.catch_warnings(action="ignore"):
        try:
            return _decode(_read_bytes(source))
        except UnreadableImageError as error:
            reason = str(error)
        except UnidentifiedImageError:
            reason = f"not an image in a supported format; {USE_FORMATS}."
        except Image.DecompressionBombError:
            reason = "the image is too large; use a smaller one."
        except FileNotFoundError:
            reason = "there is no such file."
        except subprocess.TimeoutExpired:
            reason = TOO_SLOW
        # Pillow raises anything on a damaged file, with messages that may quote the file.
        except Exception as error:
            logging.getLogger(__name__).debug("Cannot read an image", exc_info=True)
            if isinstance(error, OSError) and error.strerror:
                reason = f"the file cannot be read ({error.strerror})."
            else:
                reason = "the image is damaged or cannot be decoded; save it again as PNG or JPEG."
    # Raised outside the handlers: a chained traceback would keep the decoded part in memory.
    raise UnreadableImageError(f"{source if name is None else code_span(name)}: {reason}")


def _read_bytes(source: Path | BinaryIO) -> bytes:
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            raise UnreadableImageError(f"the file is empty; {USE_FORMATS}.")
        if size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES / 1e6
            raise UnreadableImageError(f"{size / 1e6:,.0f} MB is too large; use a file of at most {limit:.0f} MB.")
        file.seek(0)
        return file.read()


class _LimitedFile(io.BytesIO):
    """A file in memory that stops its reader after MAX_SECONDS, or after `header_left` bytes."""

    def __init__(self, data: bytes, header_left: float) -> None:
        super().__init__(data)
        self.header_left = header_left
        self._deadline = time.monotonic() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if size is not None and size >= 0:  # a reader of everything at once reads no more than there is
            self.header_left -= len(data)
        if self.header_left < 0:
            raise UnreadableImageError("the file has too much metadata; save the image again.")
        if time.monotonic() > self._deadline:
            raise UnreadableImageError(TOO_SLOW)
        return data


def _decode(data: bytes) -> np.ndarray:
    if data[4:8] == b"ftyp" and data[8:12] in CHILD_BRANDS:
        data = _decode_in_child(data)
    is_jpeg = data.startswith(b"\xff\xd8\xff")
    if is_jpeg and (data.count(b"\xff\xda") > MAX_JPEG_SCANS or data.count(b"Exif\0\0") > MAX_JPEG_EXIF_SEGMENTS):
        raise UnreadableImageError("the JPEG has too many parts; save the image again.")
    file = _LimitedFile(data, MAX_JPEG_HEADER_BYTES if is_jpeg else MAX_HEADER_BYTES)
    with Image.open(file, formats=FORMATS) as image:
        file.header_left = math.inf
        width, height = image.size
        image.draft("RGB", (WORK_SIDE, WORK_SIDE))  # decodes a JPEG at a fraction of its size
        # Reducing copies the image, twice where it has transparency.
        per_pixel = DECODER_BYTES.get(image.format or "", 4) + (8 if image.has_transparency_data else 1)
        needed = image.width * image.height * per_pixel + 2 * len(data)
        if max(width, height) > MAX_SIDE or needed > MAX_MEMORY:
            raise UnreadableImageError(f"{width} x {height} pixels is too large; use a smaller image.")
        image.load()
        reduced = _reduce(image)
        if len(image.info.get("exif", b"")) <= MAX_EXIF_BYTES:
            reduced.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
        return np.asarray(ImageOps.exif_transpose(reduced))


def _reduce(image: Image.Image) -> Image.Image:
    """Convert to RGBA if anything may be transparent, else to grayscale, with at most WORK_SIDE pixels a side."""
    scale = min(1.0, WORK_SIDE / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if image.mode.startswith("I"):  # 16 bits: stretch the range in use, as Pillow's own conversion clips it
        low, high = np.ravel(image.getextrema())
        values = np.asarray(image.resize(size, Image.Resampling.BOX), np.float64)
        return Image.fromarray(np.round(255 * (values - low) / max(high - low, 1)).astype(np.uint8))
    reduced = image.convert("RGBA" if image.has_transparency_data else "L").resize(size, Image.Resampling.BOX)
    reduced.info.clear()  # its EXIF data may be large
    return reduced


def _decode_in_child(data: bytes) -> bytes:
    """Decode an AVIF or HEIC file in a child process, and return it as a PNG of at most WORK_SIDE pixels a side."""
    command = [sys.executable, "-I", str(Path(__file__).with_name("decode_in_child.py")), str(WORK_SIDE)]
    return subprocess.run(command, input=data, capture_output=True, timeout=MAX_SECONDS, check=True).stdout
