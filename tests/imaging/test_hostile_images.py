"""Files that are damaged, or made to do harm: each gives an image or one sentence, in bounded time and memory."""

import io
import itertools
import json
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from mnistdash.exceptions import BlankImageError, UnreadableImageError
from mnistdash.imaging import image_files
from mnistdash.imaging.binarize import extract_foreground
from mnistdash.imaging.image_files import read_image
from mnistdash.imaging.normalize import to_mnist

VARIANTS = 100  # of each kind of file
KINDS = (
    "PNG",
    "JPEG",
    "progressive JPEG",
    "GIF",
    "BMP",
    "WEBP",
    "lossless WEBP",
    "TIFF",
    "LZW TIFF",
    "PPM",
    "plain PPM",
)
MOST_MEMORY = 300_000_000  # bytes that reading one image may take
MOST_KEPT = 100_000_000  # bytes that may stay with the process after all of them
BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def sound(kind: str) -> bytes:
    """A small image with what such files have beside their pixels: EXIF data, texts, a palette, several images."""
    values = np.arange(60 * 48).reshape(48, 60) % 251
    picture = Image.fromarray(values.astype(np.uint8))
    colours = Image.merge("RGB", (picture, picture.transpose(Image.Transpose.ROTATE_180), picture))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    if kind == "plain PPM":
        return b"P2 # a comment\n60 48 255\n" + b" ".join(b"%d" % value for value in values.flat)
    options = {
        "PNG": {"exif": exif, "transparency": 7, "save_all": True, "append_images": [picture.convert("P")]},
        "JPEG": {"exif": exif, "comment": b"a comment"},
        "progressive JPEG": {"exif": exif, "progressive": True},
        "GIF": {"save_all": True, "append_images": [picture], "transparency": 3, "comment": b"a comment"},
        "WEBP": {"exif": exif, "save_all": True, "append_images": [picture]},
        "lossless WEBP": {"lossless": True},
        "TIFF": {"exif": exif, "save_all": True, "append_images": [picture]},
        "LZW TIFF": {"compression": "tiff_lzw"},
    }.get(kind, {})
    file = io.BytesIO()
    (picture.convert("P") if kind in ("PNG", "BMP") else colours).save(file, kind.split()[-1], **options)
    return file.getvalue()


def variants(kind: str, count: int, seed: int = 0) -> Iterator[bytes]:
    """Damaged copies of an image of this kind."""
    chance = random.Random(f"{kind} {seed}")
    whole, others = sound(kind), [sound(other) for other in KINDS]
    for number in range(count):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 5))):
            place, length = chance.randrange(len(data)), chance.randint(1, 40)
            # What says how to read the rest is near the beginning.
            early = chance.randrange(min(len(data), 200))
            match number % 9:
                case 0:
                    data[place] ^= 1 << chance.randrange(8)
                case 1:
                    data[early] ^= 1 << chance.randrange(8)
                case 2:
                    del data[max(place, 1) :]
                case 3:
                    data[place:place] = data[early : early + 10 * length]
                case 4:
                    packed = struct.pack(chance.choice(("<I", ">I", "<H", ">H", "B")[: 4 if early else 5]), 0)
                    value = chance.choice(BOUNDARIES) % 256 ** len(packed)
                    order = chance.choice(("little", "big"))
                    data[early : early + len(packed)] = value.to_bytes(len(packed), order)
                case 5:
                    data[place:place] = chance.randbytes(length)
                case 6:
                    del data[place : place + length]
                    data += b"\0" * (not data)
                case 7:
                    data[early : early + length] = bytes([chance.choice((0, 255))]) * length
                case 8:
                    other = chance.choice(others)
                    data[place:] = other[chance.randrange(len(other)) :]
        yield with_checksums(bytes(data)) if kind == "PNG" and number % 2 else bytes(data)


def with_checksums(png: bytes) -> bytes:
    """The checksums of its chunks put right, so that damage is found later than there."""
    made, place = png[:8], 8
    while place + 8 <= len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        body = png[place + 4 : place + 8 + length]
        made += png[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused_in_a_sentence(kind):
    read = refused = 0
    for data in itertools.chain([sound(kind)], variants(kind, VARIANTS)):
        try:
            pixels = read_image(io.BytesIO(data), "it")
        except UnreadableImageError as error:
            refused += 1
            assert str(error).startswith("`it`: ")
            assert str(error).endswith(".")
            continue
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 2 or pixels.shape[2:] == (4,)
        assert max(pixels.shape[:2]) <= image_files.WORK_SIDE
        if read % 5 == 0:
            try:
                assert extract_foreground(pixels).shape == pixels.shape[:2]
                assert to_mnist(pixels).shape == (28, 28)
            except BlankImageError:
                pass
        read += 1
    assert read > 1, "the file is not read even where it is sound, or every kind of damage is refused"
    assert refused > VARIANTS / 10, "the damage is not noticed"


# Files made by hand: their headers say what no program would write.


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zeros(count: int, level: int = 1) -> bytes:
    """So many zeros, compressed without ever being there at once."""
    made = zlib.compressobj(level)
    block = bytes(2**20)
    parts = [made.compress(block) for _ in range(count // len(block))]
    return b"".join([*parts, made.compress(block[: count % len(block)]), made.flush()])


def png(
    size: tuple[int, int], kind: tuple[int, int] = (8, 2), pixels: bytes | None = None, *,
    before: bytes = b"", after: bytes = b"", interlaced: bool = False,
) -> bytes:  # fmt: skip
    """A PNG, black by default.

    Args:
        size: width and height.
        kind: bits per value, and 0 for grey, 2 for RGB, 3 for a palette, 4 for grey and alpha, 6 for RGBA.
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


def segment(marker: int, data: bytes) -> bytes:
    """Of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def scan(components: range, first: int = 0, last: int = 63, low: int = 0) -> bytes:
    """The header of a JPEG's scan."""
    return segment(0xDA, bytes([len(components)] + [x for c in components for x in (c, 0)] + [first, last, low]))


def jpeg(
    size: tuple[int, int], components: int = 3, *, marker: int = 0xC0, before: bytes = b"", scans: bytes | None = None
) -> bytes:
    """A grey JPEG whose blocks take two bits each; progressive with marker 0xC2, and then without details."""
    each = range(1, components + 1)
    blocks = (size[0] // 8 + 1) * (size[1] // 8 + 1) * components
    if scans is None:
        scans = scan(each, 0, 0 if marker == 0xC2 else 63) + bytes(blocks // 4 + 10)
    frame = struct.pack(">BHHB", 8, size[1], size[0], components) + b"".join(bytes([c, 0x11, 0]) for c in each)
    tables = segment(0xDB, b"\0" + b"\1" * 64) + b"".join(
        segment(0xC4, bytes([kind, 1, *[0] * 15, value])) for kind, value in ((0, 0), (0x10, 0xE0 * (marker == 0xC2)))
    )
    return b"\xff\xd8" + before + tables + segment(marker, frame) + scans + b"\xff\xd9"


def tiff(tags: dict[int, tuple[int, int, int | bytes]], data: bytes = b"") -> bytes:
    """A TIFF, little-endian.

    Args:
        tags: kind, count and value, each by its number; a value in bytes lies elsewhere.
        data: the pixels; where they begin and how long they are is added to the tags, unless it is there.
    """
    where = (324, 325) if 322 in tags else (273, 279)
    place = 8 + 2 + 12 * len({*tags, *where}) + 4
    for tag, value in zip(where, (place, len(data)), strict=True):
        tags.setdefault(tag, (4, 1, value))
    entries, elsewhere = b"", data
    for tag, (kind, count, value) in sorted(tags.items()):
        if isinstance(value, bytes):
            value, elsewhere = place + len(elsewhere), elsewhere + value
        entries += struct.pack("<HHII", tag, kind, count, value)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + elsewhere


def grey(width: int, height: int, compression: int = 1, **more: int) -> dict[int, tuple[int, int, int | bytes]]:
    """Tags of a TIFF."""
    values = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 277: 1}
    names = {"bits": 258, "samples": 277, "rows": 278, "wide": 322, "tall": 323, "colour": 262, "format": 339}
    return {tag: (4, 1, value) for tag, value in {**values, **{names[name]: more[name] for name in more}}.items()}


def gif(screen: tuple[int, int], frame: tuple[int, int] = (10, 10), blocks: bytes = b"") -> bytes:
    image = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\2\2\x4c\1\0;"
    return b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(6) + blocks + image


def webp(canvas: tuple[int, int]) -> bytes:
    """An animation whose only frame has 16 x 16 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "WEBP")
    low = [struct.pack("<I", value)[:3] for value in (canvas[0] - 1, canvas[1] - 1, 0, 0, 15, 15, 100)]
    frame = b"".join(low[2:]) + b"\0" + file.getvalue()[12:]
    body = b"WEBPVP8X" + struct.pack("<IB3x", 10, 2) + low[0] + low[1] + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(size: tuple[int, int], bits: int = 24, compression: int = 0, *, header: int = 40, data: bytes = b"") -> bytes:
    start = 54 + (1024 if bits == 8 else 0)
    info = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, compression, 0, 0, 0, 256 * (bits == 8), 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, start) + info + data


def many_tags(size: int) -> bytes:
    """EXIF data of about so many bytes, the resolution being a list of fractions."""
    return tiff({282: (5, size // 8, b"\1\0\0\0" * (size // 4)), 296: (3, 1, 2)})


def exif_segments(data: bytes) -> bytes:
    """Of a JPEG."""
    starts = range(0, len(data), 65_000)
    return b"".join(segment(0xE1, b"Exif\0\0" + data[start : start + 65_000]) for start in starts)


def large_text() -> bytes:
    """A chunk of a PNG that is a thousand times as large once it is unpacked, and four times that as text."""
    return chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(("a" * (2**20 - 4) + "\U0001f600").encode(), 9))


SMALL = (100, 100)
ZIP = b"PK\3\4" + bytes(26) + b"PK\5\6" + bytes(18)
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
READ = ""  # of a file that is read

BOMBS = {
    "PNG of 2^31 pixels a side": (lambda: png((2**31 - 1, 2**31 - 1), pixels=b""), "too large"),
    "PNG of 100 megapixels without any": (lambda: png((10_000, 10_000), pixels=b""), "10000 x 10000 pixels"),
    "PNG without pixels": (lambda: png((6000, 6000), pixels=zlib.compress(b"abc")), "damaged"),
    "PNG that goes on": (lambda: png(SMALL, pixels=zeros(50_000_000, 9)), READ),
    "PNG in 100,000 pieces": (lambda: png(SMALL, pixels=b"", after=chunk(b"IDAT", b"") * 100_000), "damaged"),
    "PNG with a colour profile bomb": (
        lambda: png(SMALL, before=chunk(b"iCCP", b"k\0\0" + zeros(100_000_000, 9))), "damaged",
    ),
    "PNG with a text bomb": (lambda: png(SMALL, before=chunk(b"zTXt", b"k\0\0" + zeros(100_000_000, 9))), "damaged"),
    "PNG with much text": (lambda: png(SMALL, before=large_text() * 60), "damaged"),
    "PNG with a large chunk first": (lambda: png(SMALL, before=chunk(b"prVt", bytes(10**7))), "too much in the file"),
    "PNG of one line": (lambda: png((10_000_000, 1)), "10000000 x 1 pixels are too many"),
    "PNG of one column": (lambda: png((1, 60_000)), READ),
    "JPEG of 65,500 pixels a side": (lambda: jpeg((65_500, 65_500), scans=scan(range(1, 4))), "too large"),
    "JPEG of 100 megapixels without any": (lambda: jpeg((12_000, 9_000), scans=scan(range(1, 4))), READ),
    "JPEG that ends": (lambda: jpeg((3000, 3000))[:9000], "damaged"),
    "JPEG in 10,000 scans": (
        lambda: jpeg((1000, 1000), marker=0xC2, scans=scan(range(1, 4), 0, 0) + bytes(12_000)
        + scan(range(1, 2), 1, 63) * 10_000), "too many scans",
    ),
    "JPEG with EXIF data in 14 segments": (lambda: jpeg(SMALL, before=exif_segments(bytes(900_000))), READ),
    "JPEG with EXIF data in 100 segments": (lambda: jpeg(SMALL, before=exif_segments(bytes(6_500_000))), "too much in"),
    "JPEG with as much as phones put there": (lambda: jpeg(SMALL, before=segment(0xE1, bytes(65_000)) * 100), READ),
    "JPEG with too much before the image": (lambda: jpeg(SMALL, before=segment(0xE1, bytes(65_000)) * 150), "too much"),
    "JPEG with segments of no length": (lambda: b"\xff\xd8" + b"\xff\xe0\0\0\xff\xe1\0\1" * 9, "not an image"),
    "GIF with a screen of 65,535 pixels a side": (lambda: gif((65_535, 65_535)), "too large"),
    "GIF with a frame larger than its screen": (lambda: gif((10, 10), (65_535, 65_535)), "too large"),
    "GIF with a screen of 49 megapixels": (lambda: gif((7000, 7000)), "7000 x 7000 pixels are too many"),
    "GIF with 600,000 comments": (lambda: gif(SMALL, blocks=b"!\xfe\1a\0" * 600_000), "too much in the file"),
    "WEBP with a canvas of 169 megapixels": (lambda: webp((13_000, 13_000)), "13000 x 13000 pixels are too many"),
    "WEBP with a canvas of 2^24 pixels a side": (lambda: webp((2**24, 2**24)), "too large"),
    "BMP of 2^31 pixels a side": (lambda: bmp((2**31 - 1, 2**31 - 1)), "too large"),
    "BMP with a header of 10 MB": (lambda: bmp(SMALL, header=10**7, data=bytes(10**7)), "too much in the file"),
    "BMP of 0 x 0 pixels": (lambda: bmp((0, 0)), "not an image"),
    "BMP of runs and jumps": (lambda: bmp((30_000, 60), 8, 1, data=bytes(1024) + b"\0\2\xff\xff" * 9), READ),
    "BMP of 36 megapixels of runs": (lambda: bmp((6000, 6000), 8, 1, data=bytes(2000)), "6000 x 6000 pixels"),
    "TIFF of 2^32 pixels a side": (lambda: tiff(grey(2**32 - 1, 2**32 - 1)), "too large"),
    "TIFF in 4 million strips": (lambda: tiff(grey(*SMALL) | {273: (1, 4 * 10**6, bytes(4 * 10**6))}), "too many p"),
    "TIFF with a tile of 400 megapixels": (lambda: tiff(grey(1, 1, 8, wide=20_000, tall=20_000)), "tiles are too"),
    "TIFF with tiles far higher than it is": (lambda: tiff(grey(60_000, 1, 8, wide=16, tall=60_000)), "tiles are too"),
    "TIFF with tiles of no size": (lambda: tiff(grey(*SMALL, 8, wide=0, tall=0)), "damaged"),
    "TIFF with a million tiles": (
        lambda: tiff(grey(1000, 1000, wide=1, tall=1) | {324: (4, 10**6, bytes(4 * 10**6))}), "too many parts",
    ),
    "TIFF with much beside the image": (lambda: tiff({**grey(*SMALL), 700: (1, 10**7, bytes(10**7))}), "too much in"),
    "TIFF with a thousand tags for the same bytes": (
        lambda: tiff(grey(*SMALL) | {tag: (1, 10**6, 8) for tag in range(40_000, 41_000)}, bytes(10**6)), "too much in",
    ),
    "TIFF compressed by LZMA": (lambda: tiff(grey(*SMALL, 34925), bytes(100)), "compressed in a way"),
    "TIFF that goes on": (lambda: tiff(grey(*SMALL, 8), zeros(50_000_000, 9)), READ),
    "TIFF whose tags are where it ends": (lambda: b"II*\0\xff\xff\xff\xff", "damaged"),
    "TIFF for more than 4 GB": (lambda: b"II+\0" + bytes(100), "not an image"),
    "PPM of 10^10 pixels a side": (lambda: b"P6 9999999999 9999999999 255\n", "too large"),
    "PPM with one long comment": (lambda: b"P5 #" + b"a" * 3_000_000, "too much in the file"),
    "PPM with a million comments": (lambda: b"P2 100 100 255\n" + b"#\n" * 10**6, "too many comments"),
    "PPM of 9 megapixels in digits": (lambda: b"P2 3000 3000 255\n" + b"1 " * 10**6, "3000 x 3000 pixels"),
    "nothing": (lambda: b"", "the file is empty"),
    "one byte": (lambda: b"\xff", "not an image"),
    "zeros": (lambda: bytes(10**7), "not an image"),
    "noise": (lambda: random.Random(1).randbytes(10**7), "not an image"),
    "noise after a PNG's header": (lambda: png(SMALL)[:41] + random.Random(2).randbytes(10**7), "damaged"),
    "text": (lambda: HTML, "not an image"),
    "PNG and archive": (lambda: png(SMALL) + ZIP, READ),
    "PNG and page": (lambda: png(SMALL, before=chunk(b"tEXt", b"Comment\0" + HTML)) + HTML, READ),
    "JPEG and page": (lambda: jpeg(SMALL, before=segment(0xFE, HTML)) + HTML, READ),
    "GIF and script": (lambda: sound("GIF").replace(b"a comment", b"*/=alert()") + b"*/=1;alert(1)//", READ),
    "page and PNG": (lambda: HTML + png(SMALL), "not an image"),
    "vector image": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "not an image"),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not an image"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_no_harm(name):
    make, reason = BOMBS[name]
    file = io.BytesIO(make())
    # What the file is called has no say.
    if reason == READ:
        assert read_image(file, "it.exe").dtype == np.uint8
        return
    with pytest.raises(UnreadableImageError, match=reason) as caught:
        read_image(file, "it.exe")
    assert str(caught.value).startswith("`it.exe`: ")


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PDF", "EPS", "JPEG2000", "AVIF", "DDS", "PCX", "SGI"])
def test_formats_that_nobody_needs_are_not_opened(kind):
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, kind)
    with pytest.raises(UnreadableImageError, match="not an image"):
        read_image(file, "it.png")


def test_a_file_too_large_is_not_even_opened(tmp_path):
    path = tmp_path / "it.png"
    with path.open("wb") as file:
        file.write(png(SMALL))
        file.truncate(200_000_000)
    with pytest.raises(UnreadableImageError, match="200 MB are too many"):
        read_image(path)


# The largest of every kind that is read, and of what is refused what would take the most; by name, with how it is made
# and whether it is read.
SIDE, PHONE = (6300, 6300), (6000, 4000)
TURNED = chunk(b"eXIf", tiff({274: (3, 1, 6)}))
EXIF = exif_segments(many_tags(950_000))


def saved(kind: str, size: tuple[int, int], mode: str, pages: int = 1, **options) -> bytes:
    file = io.BytesIO()
    more = [Image.new(mode, size, page) for page in range(1, pages)]
    Image.new(mode, size).save(file, kind, save_all=pages > 1, append_images=more, **options)
    return file.getvalue()


LARGE = {
    "PNG RGBA, turned": (lambda: png(SIDE, (8, 6), before=TURNED), True),
    "PNG RGB": (lambda: png(SIDE, (8, 2)), True),
    "PNG RGB, interlaced": (lambda: png(SIDE, (8, 2), interlaced=True), True),
    "PNG 1 bit": (lambda: png(SIDE, (1, 0)), True),
    "PNG palette with transparency": (lambda: png(SIDE, (8, 3)), True),
    "PNG 16 bits": (lambda: png(SIDE, (16, 0)), True),
    "PNG 16 bits RGBA": (lambda: png(SIDE, (16, 6)), True),
    "PNG with much behind the image": (lambda: png((4000,) * 2, (8, 6), after=chunk(b"prVt", bytes(98 * 10**6))), True),
    "PNG with text": (lambda: png(SIDE, (8, 6), after=large_text() * 3), True),
    "PNG of a phone, not compressed": (lambda: png(PHONE, pixels=zlib.compress(bytes(4000 * 18_001), 0)), True),
    "JPEG": (lambda: jpeg((13_000, 13_000)), True),
    "JPEG CMYK": (lambda: jpeg((13_000, 13_000), 4), True),
    "JPEG too narrow to be reduced": (lambda: jpeg((900, 40_000)), True),
    "progressive JPEG": (lambda: jpeg(SIDE, marker=0xC2), True),
    "progressive JPEG CMYK of a phone": (lambda: jpeg(PHONE, 4, marker=0xC2), True),
    "progressive JPEG of 108 megapixels": (lambda: jpeg((12_000, 9_000), marker=0xC2), False),
    "JPEG in three scans": (
        lambda: jpeg(SIDE, scans=b"".join(scan(range(c, c + 1)) + bytes(160_000) for c in (1, 2, 3))), True,
    ),
    "JPEG in three scans, of 108 megapixels": (lambda: jpeg((12_000, 9_000), scans=scan(range(1, 2))), False),
    "progressive JPEG with much EXIF data": (lambda: jpeg(SIDE, marker=0xC2, before=EXIF), True),
    "PNG with much EXIF data": (lambda: png(SIDE, (8, 6), before=chunk(b"eXIf", many_tags(950_000))), True),
    "GIF": (lambda: saved("GIF", SIDE, "P", transparency=1), True),
    "GIF, animated": (lambda: saved("GIF", (3000, 3000), "P", pages=2), True),
    "GIF with a screen of 144 megapixels": (lambda: gif((12_000,) * 2, (12_000,) * 2, b"!\xf9\4\x08\0\0\0\0"), False),
    "WEBP": (lambda: saved("WEBP", (4060, 4060), "RGBA", lossless=True, quality=0, method=0), True),
    "WEBP of a phone": (lambda: saved("WEBP", (4000, 3000), "RGB", method=0), True),
    "WEBP, animated": (lambda: webp((4060, 4060)), True),
    "WEBP with a canvas of 169 megapixels": (lambda: webp((13_000, 13_000)), False),
    "BMP": (lambda: bmp((5700, 5700), data=bytes(5700 * 5700 * 3)), True),
    "PPM": (lambda: b"P6 5700 5700 255\n" + bytes(5700 * 5700 * 3), True),
    "TIFF of numbers": (lambda: tiff(grey(*PHONE, bits=32, format=3), bytes(96 * 10**6)), True),
    "TIFF RGB of a phone, in one strip": (
        lambda: tiff(grey(*PHONE, 8, samples=3, colour=2) | {258: (3, 3, b"\10\0" * 3)}, zeros(72 * 10**6)), True,
    ),
    "TIFF 16 bits RGBA": (
        lambda: tiff(
            grey(4680, 4680, 8, samples=4, colour=2) | {258: (3, 4, b"\20\0" * 4), 338: (3, 1, 2)}, zeros(4680**2 * 8)
        ), True,
    ),
    "TIFF in one tile": (lambda: tiff(grey(*SIDE, 8, wide=6304, tall=6304), zeros(6304**2)), True),
    "TIFF with many tags": (lambda: tiff(grey(*SMALL) | {282: (5, 110_000, bytes(880_000))}, bytes(10_000)), True),
    "TIFF, pages": (lambda: saved("TIFF", (1000, 1000), "RGB", pages=20), True),
}  # fmt: skip

# Reads the files that it is told of, and says of each what came of it, by how many bytes the process grew meanwhile,
# and by how many it has grown for good.
CHILD = """
import io, json, resource, sys
from pathlib import Path
import psutil
from PIL import Image
from mnistdash.images import UnreadableImageError, read_image

def most():
    try:  # on Linux, where ru_maxrss counts what the process was forked from
        return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def forget():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # then the most is that of all files so far

for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    read_image(file)
now = lambda: psutil.Process().memory_info().rss
first = now()
for line in sys.stdin:
    forget()
    before = now()
    try:
        shape, why = read_image(Path(line.strip())).shape, ""
    except UnreadableImageError as error:
        shape, why = None, str(error)
    print(json.dumps([shape, why, most() - before, now() - first]), flush=True)
"""


def test_reading_takes_little_memory_whatever_is_read(tmp_path, environment):
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as child:
        for name, (make, is_read) in LARGE.items():
            path = tmp_path / "it"
            path.write_bytes(make())
            print(path, file=child.stdin, flush=True)
            shape, why, most, kept = json.loads(child.stdout.readline())
            assert (shape is not None) == is_read, f"{name}: {why}"
            assert most < MOST_MEMORY, name
            assert kept < MOST_KEPT, name
        path.unlink()
