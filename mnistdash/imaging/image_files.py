"""Image files as arrays of pixels; a file may hold anything, and reading it does no harm."""

import logging
import math
import os
import struct
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from mnistdash.exceptions import UnreadableImageError
from mnistdash.text import code_span

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # of Pillow's fifty; nobody has digits in the others
WORK_SIDE = 1_000  # pixels; a larger image is first reduced to this, which loses nothing at 28x28

MAX_BYTES = 100_000_000  # of a file; 24 megapixels of 4 bytes
MAX_PIXELS = 40_000_000  # of an image as it is decoded, which of a JPEG is a fraction; phones' have 12 to 24 million
MAX_SIDE = 65_535  # pixels; the most that JPEG and GIF can have
MEMORY = 265_000_000  # bytes for decoding; with what else is held meanwhile it stays under 300 MB
SECONDS = 20  # that reading may take; the largest photos take 2
HEADER = 2_000_000  # bytes that may be read before the pixels; of a TIFF's tags Pillow makes 20 times as much
JPEG_HEADER = 8_000_000  # some phones put a depth map there

PYTHON_DECODERS = ("ppm", "ppm_plain", "bmp_rle")  # Pillow's, which are slow
SLOW_VALUES = 2_000_000  # that they may decode, at about half a million per second
MAX_COMMENTS = 1_000  # among the values of a plain PPM, each of which costs a copy of a megabyte
WEBP_BYTES = 16  # per pixel: libwebp's two canvases, what it returns, and Pillow's image
MAX_EXIF = 1_000_000  # bytes, of which Pillow makes 25 times as much; a segment of a JPEG has room for 65,533
MAX_SCANS = 100  # of a JPEG; each goes over the whole image, and a progressive one has about 10
MAX_PARTS = 100_000  # strips or tiles of a TIFF, for each of which Pillow needs a few hundred bytes
LIBTIFF_JPEG = 100_000_000  # bytes, libtiff's own limit for a JPEG in a TIFF
# How a TIFF may be compressed; other ways are rare, and some take as much memory as the file asks for.
TIFF_COMPRESSIONS = (
    "raw", "tiff_ccitt", "group3", "group4", "tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate", "tiff_deflate",
)  # fmt: skip
# Tags of a TIFF.
BITS, PHOTOMETRIC, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP = 258, 262, 273, 277, 278
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS = 322, 323, 324
YCBCR = 6  # a photometric interpretation
TURNS = {  # by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BAND = 250_000  # pixels that are converted at once

# Thirty visitors' images at once would take thirty times the memory.
_one_at_a_time = threading.Lock()
# Bytes of compressed texts in a PNG, which nobody here reads; Pillow allows 64 MiB, four times that in memory.
PngImagePlugin.MAX_TEXT_MEMORY = 4 * 2**20
# From this size on, malloc gives memory back to the system for certain; by default Pillow takes it in blocks of 16 MiB,
# which may stay with the process.
Image.core.set_block_size(2**26)


def read_image(source: Path | BinaryIO, name: str | None = None) -> np.ndarray:
    """Decode an image file, turned the way its EXIF data says; of several images in it the first.

    Whatever the file holds, it takes at most 300 MB of memory; files are read one after the other.

    Args:
        source: a path, or a binary file object such as an upload.
        name: what a stranger calls the image, for errors, whose message is Markdown then; by default errors begin with
            the path.

    Returns:
        (height, width) or (height, width, 4) uint8, at most WORK_SIDE pixels a side.

    Raises:
        UnreadableImageError: it cannot be read; the message says why.
    """
    # Pillow warns of large images, which have their limits here, and of damage that does not matter.
    with _one_at_a_time, warnings.catch_warnings(action="ignore"):
        pixels, why = _attempt(source)
    if pixels is None:
        raise UnreadableImageError(f"{source if name is None else code_span(name)}: {why}")
    return pixels


def _attempt(source: Path | BinaryIO) -> tuple[np.ndarray | None, str]:
    """An image's pixels, or None and why there are none; no exception is left that would keep half an image alive."""
    try:
        if not isinstance(source, Path):
            return _read(source), ""
        with source.open("rb") as file:
            return _read(file), ""
    except UnreadableImageError as error:
        return None, str(error)
    except UnidentifiedImageError:
        return None, "not an image; use PNG, JPEG or another common format."
    except Image.DecompressionBombError:
        return None, f"the image is too large; use at most {MAX_PIXELS / 1e6:.0f} megapixels."
    except FileNotFoundError:
        return None, "there is no such file."
    # Pillow raises anything on a damaged file: OSError, ValueError, SyntaxError, KeyError, struct.error, MemoryError...
    # What it says may quote the file, so it is not repeated; what the system says is.
    except Exception as error:
        logging.getLogger(__name__).debug("An image cannot be read.", exc_info=True)
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        return None, f"the image is damaged or cannot be read{reason}."


class _Watched:
    """A file for Pillow that ends a reading which takes too long, or goes on before the first pixel.

    Attributes:
        left: bytes that may still be read in pieces; all at once they are never more than the file has.
    """

    def __init__(self, file: BinaryIO, left: float) -> None:
        self.file, self.left, self.until = file, left, time.monotonic() + SECONDS

    def read(self, count: int = -1) -> bytes:
        if time.monotonic() > self.until:
            raise UnreadableImageError("the image takes too long to read; use a smaller one.")
        data = self.file.read(count)
        if count >= 0:
            self.left -= len(data)
        if self.left < 0:
            raise UnreadableImageError("there is too much in the file beside the image; save it anew.")
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def count(self, wanted: bytes) -> int:
        """How often some bytes are in the file."""
        self.seek(0)
        return sum(block.count(wanted) for block in iter(lambda: self.read(2**20), b""))


def _read(file: BinaryIO) -> np.ndarray:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise UnreadableImageError("the file is empty; use PNG, JPEG or another common format.")
    if size > MAX_BYTES:
        raise UnreadableImageError(f"{size / 1e6:,.0f} MB are too many; use a file of at most {MAX_BYTES / 1e6:.0f}.")
    file.seek(0)
    start = file.read(3)
    is_jpeg = start == b"\xff\xd8\xff"
    watched = _Watched(file, JPEG_HEADER if is_jpeg else HEADER)
    # What Pillow lists when it opens a file may be too much already.
    if is_jpeg:
        _in_first_scan(watched)
    elif start[:2] in (b"II", b"MM"):
        _check_parts(watched)
    with Image.open(watched, formats=FORMATS) as image:
        watched.left = math.inf
        width, height = image.size
        image.draft("RGB", (WORK_SIDE, WORK_SIDE))  # a JPEG is decoded at a fraction of its size
        needed = _memory(image, width * height, size, watched)
        if max(width, height) > MAX_SIDE or math.prod(image.size) > MAX_PIXELS or needed > MEMORY:
            raise UnreadableImageError(
                f"{width} x {height} pixels are too many for a file of this kind; use a smaller image."
            )
        image.load()
        orientation = None
        if len(image.info.get("exif", b"")) <= MAX_EXIF:
            orientation = image.getexif().get(ExifTags.Base.Orientation)
        small = _reduced(image)
    return np.asarray(small.transpose(TURNS[orientation]) if orientation in TURNS else small)


def _memory(image: Image.Image, pixels: int, size: int, file: _Watched) -> float:
    """How many bytes are needed to decode an image, which is opened but not loaded.

    Args:
        image: at the size that it will be decoded at.
        pixels: of the image in the file.
        size: of the file, in bytes.
        file: the file.

    Raises:
        UnreadableImageError: it would take too long.
    """
    decoded = 4 * math.prod(image.size)
    if image.format in ("JPEG", "MPO"):
        return decoded + _held_back(image, pixels, file)
    if image.format == "PNG":
        return decoded + 2 * size  # what is not known in it is read and copied
    if image.format == "WEBP":
        return WEBP_BYTES * pixels + 2 * size
    if image.format == "TIFF":
        return decoded + _parts(image, size)
    decoders = {tile.codec_name for tile in image.tile}
    if not decoders.isdisjoint(PYTHON_DECODERS):
        if pixels * len(image.getbands()) > SLOW_VALUES:
            return math.inf
        if "ppm_plain" in decoders and file.count(b"#") > MAX_COMMENTS:
            raise UnreadableImageError("there are too many comments in the image; save it anew.")
    return decoded


def _held_back(image: Image.Image, pixels: int, file: _Watched) -> float:
    """Bytes that libjpeg holds back of a JPEG in several scans, at full size whatever it is decoded at."""
    if not image.info.get("progressive") and _in_first_scan(file) == image.layers:
        return 0
    if file.count(b"\xff\xda") > MAX_SCANS:
        raise UnreadableImageError("the image is in too many scans; save it anew.")
    _, across, down, _ = zip(*image.layer, strict=True)
    shares = sum(x * y for x, y in zip(across, down, strict=True)) / (max(across) * max(down))
    return 2 * pixels * shares


def _in_first_scan(file: _Watched) -> int:
    """How many components are in the first scan of a JPEG, whose segments are followed as libjpeg does.

    Raises:
        UnreadableImageError: there are more EXIF data before it than can be made sense of.
    """
    file.seek(2)
    exif = 0
    while byte := file.read(1):
        if byte != b"\xff":
            continue
        while (kind := file.read(1)) == b"\xff":
            pass
        if kind <= b"\x01" or b"\xd0" <= kind <= b"\xd8":  # these have no length
            continue
        length, begins = int.from_bytes(file.read(2), "big"), file.read(6)
        if kind == b"\xda":
            return begins[0]
        exif += length * (begins == b"Exif\0\0")
        if exif > MAX_EXIF:
            raise UnreadableImageError("there is too much in the file beside the image; save it anew.")
        file.seek(max(0, length - 2) - len(begins), os.SEEK_CUR)
    return 0


def _check_parts(file: _Watched) -> None:
    """Refuse a TIFF in more parts than Pillow could list, which it does when the file is opened."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    version, offset = struct.unpack(f"{order}HI", file.read(6))
    if version != 42:
        raise UnidentifiedImageError("not a TIFF, or one for more than 4 GB")
    file.seek(offset)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    for _ in range(count):
        tag, parts = struct.unpack(f"{order}H2xI4x", file.read(12))
        if tag in (STRIP_OFFSETS, TILE_OFFSETS) and parts > MAX_PARTS:
            raise UnreadableImageError("the image is in too many parts; save it anew.")


def _parts(image: Image.Image, size: int) -> float:
    """Bytes that a TIFF takes beside its pixels, most of them for a strip or tile, which is as large as it says."""
    tags, compression, (width, height) = image.tag_v2, image.info["compression"], image.size
    if compression not in TIFF_COMPRESSIONS:
        raise UnreadableImageError("the image is compressed in a way that is not read here; save it anew.")
    is_tiled = TILE_WIDTH in tags
    across = tags[TILE_WIDTH] if is_tiled else width
    down = tags[TILE_LENGTH] if is_tiled else min(height, tags.get(ROWS_PER_STRIP, height))
    # Tiles are decoded whole, and may lie mostly outside the image.
    if is_tiled and math.ceil(width / across) * across * math.ceil(height / down) * down > MAX_PIXELS:
        raise UnreadableImageError("the image's tiles are too large; save it anew.")
    turned = 0 if tags.get(ExifTags.Base.Orientation, 1) == 1 else 4 * width * height
    if compression == "raw":
        return turned
    bits = max(tags.get(BITS, (1,))) * tags.get(SAMPLES, 1)
    if tags.get(PHOTOMETRIC) == YCBCR:
        bits += 32  # libtiff makes RGBA of it
    return turned + size + across * down * bits / 8 + (LIBTIFF_JPEG if compression == "jpeg" else 0)


def _reduced(image: Image.Image) -> Image.Image:
    """At most WORK_SIDE pixels a side, RGBA if anything may be transparent, else L; made band by band."""
    transparent = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    mode = "RGBA" if transparent else "L"
    scale = min(1.0, WORK_SIDE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    tall = image.height / height  # pixels that become one
    step = max(1, int(BAND / (image.width * tall)))
    spans = [(top * tall, min(top + step, height) * tall) for top in range(0, height, step)]
    boxes = [(0, int(top), image.width, min(image.height, math.ceil(bottom))) for top, bottom in spans]
    bands = (image.crop(box) for box in boxes)
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits: Pillow's own conversion clips
        low, high = _range(image.crop(box) for box in boxes)
        bands = (_scaled(band, low, high) for band in bands)
    parts = []
    for band, (top, bottom), (_, start, *_) in zip(bands, spans, boxes, strict=True):
        box = (0, top - start, image.width, min(bottom - start, band.height))
        size = width, round((bottom - top) / tall)
        parts.append(np.asarray(band.convert(mode).resize(size, Image.Resampling.BOX, box)))
    return Image.fromarray(np.concatenate(parts))


def _range(bands: Iterable[Image.Image]) -> tuple[float, float]:
    """The least and the greatest number, 0 and 0 where there is none."""
    ranges = []
    for band in bands:
        values = np.asarray(band)
        numbers = values[np.isfinite(values)]
        if numbers.size:
            ranges.append((float(numbers.min()), float(numbers.max())))
    lows, highs = zip(*ranges, strict=True) if ranges else ((0.0,), (0.0,))
    return min(lows), max(highs)


def _scaled(band: Image.Image, low: float, high: float) -> Image.Image:
    """Numbers from `low` to `high` as L from black to white; what is none is black."""
    values = np.asarray(band, np.float64)
    shares = (values - low) / max(high - low, 1e-6)
    return Image.fromarray(np.round(255 * np.where(np.isfinite(values), shares, 0)).astype(np.uint8))
