"""Builders of image files with headers that no program writes."""

import io
import struct
import zlib

from PIL import Image


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zeros(count: int, level: int = 1) -> bytes:
    """Return `count` compressed zeros without holding them all in memory."""
    compressor = zlib.compressobj(level)
    block = bytes(2**20)
    parts = [compressor.compress(block) for _ in range(count // len(block))]
    return b"".join([*parts, compressor.compress(block[: count % len(block)]), compressor.flush()])


def png(
    size: tuple[int, int], kind: tuple[int, int] = (8, 2), pixels: bytes | None = None, *,
    before: bytes = b"", after: bytes = b"", interlaced: bool = False,
) -> bytes:  # fmt: skip
    """Return a PNG, black by default.

    Args:
        size: width and height.
        kind: bits per value, and 0 for grayscale, 2 for RGB, 3 for a palette, 4 for grayscale and alpha, 6 for RGBA.
        pixels: compressed.
        before, after: more chunks, before and after the pixels.
        interlaced: in seven passes.
    """
    bits = kind[0] * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind[1]]
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    if pixels is None:
        rows = [
            (len(range(top, size[1], down)), len(range(left, size[0], across))) for left, top, across, down in passes
        ]
        pixels = zeros(sum(count * (1 + (wide * bits + 7) // 8) for count, wide in rows))
    header = struct.pack(">IIBBBBB", *size, *kind, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) + chunk(b"tRNS", bytes(range(256))) if kind[1] == 3 else b""
    body = chunk(b"IHDR", header) + palette + before + chunk(b"IDAT", pixels) + after + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def large_text() -> bytes:
    """Return a PNG chunk with a text of 1 MiB that takes 4 MiB as a Python string."""
    return chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(("a" * (2**20 - 4) + "\U0001f600").encode(), 9))


def segment(marker: int, data: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def scan(components: range, first: int = 0, last: int = 63, low: int = 0) -> bytes:
    """Return the header of a JPEG's scan."""
    return segment(0xDA, bytes([len(components)] + [x for c in components for x in (c, 0)] + [first, last, low]))


def jpeg(
    size: tuple[int, int], components: int = 3, *, marker: int = 0xC0, before: bytes = b"", scans: bytes | None = None
) -> bytes:
    """Return a gray JPEG with two bits per block; with marker 0xC2, a progressive one without details."""
    each = range(1, components + 1)
    blocks = (size[0] // 8 + 1) * (size[1] // 8 + 1) * components
    if scans is None:
        scans = scan(each, 0, 0 if marker == 0xC2 else 63) + bytes(blocks // 4 + 10)
    frame = struct.pack(">BHHB", 8, size[1], size[0], components) + b"".join(bytes([c, 0x11, 0]) for c in each)
    tables = segment(0xDB, b"\0" + b"\1" * 64) + b"".join(
        segment(0xC4, bytes([kind, 1, *[0] * 15, value])) for kind, value in ((0, 0), (0x10, 0xE0 * (marker == 0xC2)))
    )
    return b"\xff\xd8" + before + tables + segment(marker, frame) + scans + b"\xff\xd9"


def exif(tag: int, kind: int, count: int, value: int | bytes) -> bytes:
    """Return EXIF data with the resolution unit and one more tag; a value in bytes is stored after the tags."""
    offset = 8 + 2 + 2 * 12 + 4
    stored = value if isinstance(value, bytes) else b""
    tags = {tag: (kind, count, offset if stored else value), 296: (3, 1, 2)}
    entries = b"".join(struct.pack("<HHII", number, *entry) for number, entry in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + stored


def many_fractions(size: int) -> bytes:
    """Return about `size` bytes of EXIF data whose resolution is a list of fractions."""
    return exif(282, 5, size // 8, b"\1\0\0\0" * (size // 4))


def exif_segments(data: bytes) -> bytes:
    """Return segments of a JPEG with this EXIF data."""
    starts = range(0, len(data), 65_000)
    return b"".join(segment(0xE1, b"Exif\0\0" + data[start : start + 65_000]) for start in starts)


def gif(screen: tuple[int, int], frame: tuple[int, int] = (10, 10), blocks: bytes = b"") -> bytes:
    """Return a GIF with an empty frame; `blocks` come before it."""
    image = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\2\2\x4c\1\0;"
    return b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(6) + blocks + image


def webp(canvas: tuple[int, int]) -> bytes:
    """Return an animated WebP whose only frame has 16 x 16 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "WEBP")
    low = [struct.pack("<I", value)[:3] for value in (canvas[0] - 1, canvas[1] - 1, 0, 0, 15, 15, 100)]
    frame = b"".join(low[2:]) + b"\0" + file.getvalue()[12:]
    body = b"WEBPVP8X" + struct.pack("<IB3x", 10, 2) + low[0] + low[1] + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(size: tuple[int, int], bits: int = 24, compression: int = 0, *, header: int = 40, data: bytes = b"") -> bytes:
    """Return a BMP; compression 1 is run-length encoding."""
    start = 54 + (1024 if bits == 8 else 0)
    info = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, compression, 0, 0, 0, 256 * (bits == 8), 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, start) + info + data
