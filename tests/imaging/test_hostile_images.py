"""Damaged and malicious image files: each yields an image or one sentence, in bounded time and memory."""

import contextlib
import io
import itertools
import json
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_builders import (
    bmp,
    chunk,
    exif,
    exif_segments,
    gif,
    jpeg,
    large_text,
    many_fractions,
    png,
    scan,
    segment,
    webp,
    zeros,
)
from PIL import Image

from mnistdash.exceptions import BlankImageError, UnreadableImageError
from mnistdash.imaging import decode_in_child, image_files
from mnistdash.imaging.image_files import read_image
from mnistdash.imaging.normalize import to_mnist

FILES = Path(__file__).with_name("files")
VARIANTS = 45  # damaged files per kind
KINDS = ("PNG", "JPEG", "progressive JPEG", "GIF", "BMP", "WEBP", "lossless WEBP")
MAX_MEMORY = 300_000_000  # bytes, while reading one image
MAX_KEPT = 100_000_000  # bytes, after reading all images
BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def intact(kind: str) -> bytes:
    """Return a small image with metadata: EXIF, texts, a palette, several frames."""
    if kind == "HEIC":
        return (FILES / "rotated_seven.heic").read_bytes()
    values = np.arange(60 * 48).reshape(48, 60) % 251
    picture = Image.fromarray(values.astype(np.uint8))
    colors = Image.merge("RGB", (picture, picture.transpose(Image.Transpose.ROTATE_180), picture))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    options = {
        "PNG": {"exif": exif, "transparency": 7, "save_all": True, "append_images": [picture.convert("P")]},
        "JPEG": {"exif": exif, "comment": b"a comment"},
        "progressive JPEG": {"exif": exif, "progressive": True},
        "GIF": {"save_all": True, "append_images": [picture], "transparency": 3, "comment": b"a comment"},
        "WEBP": {"exif": exif, "save_all": True, "append_images": [picture]},
        "lossless WEBP": {"lossless": True},
        "AVIF": {"exif": exif},
    }.get(kind, {})
    file = io.BytesIO()
    (picture.convert("P") if kind in ("PNG", "BMP") else colors).save(file, kind.split()[-1], **options)
    return file.getvalue()


def damaged(kind: str, count: int) -> Iterator[bytes]:
    """Yield damaged copies of an image of this kind."""
    chance = random.Random(f"{kind} 0")
    whole, others = intact(kind), [intact(other) for other in KINDS]
    for number in range(count):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 5))):
            place, length = chance.randrange(len(data)), chance.randint(1, 40)
            early = chance.randrange(min(len(data), 200))  # where headers are
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
                    size = chance.choice((1, 2, 4))
                    value = chance.choice(BOUNDARIES) % 256**size
                    data[early : early + size] = value.to_bytes(size, chance.choice(("little", "big")))
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


def with_checksums(data: bytes) -> bytes:
    """Return a PNG with correct checksums, so that decoders read on."""
    corrected, place = data[:8], 8
    while place + 8 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        corrected += data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return corrected


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        *((kind, VARIANTS) for kind in KINDS),
        *(pytest.param(kind, 9, marks=pytest.mark.slow) for kind in ("AVIF", "HEIC")),
    ],
)
def test_damaged_file_is_decoded_or_refused_in_one_sentence(kind, count):
    decoded = refused = 0
    for data in itertools.chain([intact(kind)], damaged(kind, count)):
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
        with contextlib.suppress(BlankImageError):
            assert to_mnist(pixels).shape == (28, 28)
        decoded += 1
    assert decoded > 0, "no file was decoded"
    assert refused > count / 10, "too few damaged files were refused"


SMALL = (100, 100)
ZIP = b"PK\3\4" + bytes(26) + b"PK\5\6" + bytes(18)
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
DECODED = ""  # in place of a reason for refusal
UNSUPPORTED = "not an image in a supported format"

BOMBS = {
    "PNG of 2^31 pixels a side": (lambda: png((2**31 - 1, 2**31 - 1), pixels=b""), "too large"),
    "PNG of 100 megapixels without data": (lambda: png((10_000, 10_000), pixels=b""), "10000 x 10000 pixels"),
    "PNG with too little data": (lambda: png((3000, 3000), pixels=zlib.compress(b"abc")), "damaged"),
    "PNG with too much data": (lambda: png(SMALL, pixels=zeros(20_000_000)), DECODED),
    "PNG in 10,000 chunks": (lambda: png(SMALL, pixels=b"", after=chunk(b"IDAT", b"") * 10_000), "damaged"),
    "PNG with a color profile bomb": (
        lambda: png(SMALL, before=chunk(b"iCCP", b"k\0\0" + zeros(5_000_000, 9))), "damaged",
    ),
    "PNG with a text bomb": (lambda: png(SMALL, before=chunk(b"zTXt", b"k\0\0" + zeros(5_000_000, 9))), "damaged"),
    "PNG with 60 MiB of text": (lambda: png(SMALL, before=large_text() * 60), "damaged"),
    "PNG with 10 MB of metadata": (lambda: png(SMALL, before=chunk(b"prVt", bytes(10**7))), "too much metadata"),
    "PNG with one row": (lambda: png((10_000_000, 1)), "10000000 x 1 pixels is too large"),
    "PNG with one column": (lambda: png((1, 60_000)), DECODED),
    "JPEG of 65,500 pixels a side": (lambda: jpeg((65_500, 65_500), scans=scan(range(1, 4))), "too large"),
    "JPEG that ends early": (lambda: jpeg((3000, 3000))[:9000], "damaged"),
    "progressive JPEG of 108 megapixels": (
        lambda: jpeg((12_000, 9_000), marker=0xC2, scans=scan(range(1, 4))), "damaged",
    ),
    "JPEG in three scans, of 108 megapixels": (lambda: jpeg((12_000, 9_000), scans=scan(range(1, 2))), "damaged"),
    "JPEG with 2,000 scans": (
        lambda: jpeg(SMALL, marker=0xC2, scans=scan(range(1, 4), 0, 0) + bytes(130) + scan(range(1, 2), 1, 63) * 2_000),
        "too many parts",
    ),
    "JPEG with 14 EXIF segments": (lambda: jpeg(SMALL, before=exif_segments(bytes(900_000))), DECODED),
    "JPEG with 100 EXIF segments": (lambda: jpeg(SMALL, before=exif_segments(bytes(6_500_000))), "too many parts"),
    "JPEG with a depth map": (lambda: jpeg(SMALL, before=segment(0xE1, bytes(65_000)) * 100), DECODED),
    "JPEG with 10 MB of metadata": (lambda: jpeg(SMALL, before=segment(0xE1, bytes(65_000)) * 150), "too much meta"),
    "JPEG with segments of length zero": (lambda: b"\xff\xd8" + b"\xff\xe0\0\0\xff\xe1\0\1" * 9, UNSUPPORTED),
    "GIF with a screen of 65,535 pixels a side": (lambda: gif((65_535, 65_535)), "too large"),
    "GIF with a frame larger than its screen": (lambda: gif((10, 10), (65_535, 65_535)), "too large"),
    "GIF with a screen of 81 megapixels": (lambda: gif((9000, 9000)), "9000 x 9000 pixels is too large"),
    "WEBP with a canvas of 169 megapixels": (lambda: webp((13_000, 13_000)), "13000 x 13000 pixels is too large"),
    "WEBP with a canvas of 2^24 pixels a side": (lambda: webp((2**24, 2**24)), "too large"),
    "BMP of 2^31 pixels a side": (lambda: bmp((2**31 - 1, 2**31 - 1)), "too large"),
    "BMP with a header of 10 MB": (lambda: bmp(SMALL, header=10**7, data=bytes(10**7)), "too much metadata"),
    "BMP of 0 x 0 pixels": (lambda: bmp((0, 0)), UNSUPPORTED),
    "BMP of runs and jumps": (lambda: bmp((30_000, 60), 8, 1, data=bytes(1024) + b"\0\2\xff\xff" * 9), DECODED),
    "empty file": (lambda: b"", "the file is empty"),
    "one byte": (lambda: b"\xff", UNSUPPORTED),
    "zeros": (lambda: bytes(10**6), UNSUPPORTED),
    "noise": (lambda: random.Random(1).randbytes(10**6), UNSUPPORTED),
    "noise after a PNG's header": (lambda: png(SMALL)[:41] + random.Random(2).randbytes(10**6), "damaged"),
    "text": (lambda: HTML, UNSUPPORTED),
    "video": (lambda: b"\0\0\0\x18ftypmp42" + bytes(1000), UNSUPPORTED),
    "PNG and archive": (lambda: png(SMALL) + ZIP, DECODED),
    "PNG and page": (lambda: png(SMALL, before=chunk(b"tEXt", b"Comment\0" + HTML)) + HTML, DECODED),
    "JPEG and page": (lambda: jpeg(SMALL, before=segment(0xFE, HTML)) + HTML, DECODED),
    "GIF and script": (lambda: intact("GIF").replace(b"a comment", b"*/=alert()") + b"*/=1;alert(1)//", DECODED),
    "page and PNG": (lambda: HTML + png(SMALL), UNSUPPORTED),
    "vector image": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', UNSUPPORTED),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", UNSUPPORTED),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_or_harmless(name):
    make, reason = BOMBS[name]
    file = io.BytesIO(make())
    if reason == DECODED:
        assert read_image(file, "it.exe").dtype == np.uint8
        return
    with pytest.raises(UnreadableImageError, match=reason) as caught:
        read_image(file, "it.exe")
    assert str(caught.value).startswith("`it.exe`: ")


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "ICO", "TGA", "PDF", "EPS", "JPEG2000", "DDS", "PCX", "SGI"])
def test_unsupported_format_is_refused_regardless_of_its_suffix(kind):
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, kind)
    with pytest.raises(UnreadableImageError, match=r"supported format; use PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC\.$"):
        read_image(file, "it.png")


def test_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "it.png"
    with path.open("wb") as file:
        file.truncate(2 * 10**9)
    with pytest.raises(UnreadableImageError, match="2,000 MB is too large"):
        read_image(path)


# Largest files of each kind: builder, True if it is decoded.
PHONE = (6000, 4000)
EXIF = many_fractions(950_000)
ROTATED = chunk(b"eXIf", exif(274, 3, 1, 6))


def saved(kind: str, size: tuple[int, int], mode: str, frames: int = 1, **options) -> bytes:
    file = io.BytesIO()
    more = [Image.new(mode, size, frame) for frame in range(1, frames)]
    Image.new(mode, size).save(file, kind, save_all=frames > 1, append_images=more, **options)
    return file.getvalue()


LARGE = {
    "PNG RGBA, rotated": (lambda: png((4700, 4700), (8, 6), before=ROTATED), True),
    "PNG RGB": (lambda: png((7400, 7400), (8, 2)), True),
    "PNG RGB, interlaced": (lambda: png((7400, 7400), (8, 2), interlaced=True), True),
    "PNG palette with transparency": (lambda: png((4700, 4700), (8, 3)), True),
    "PNG 16 bits": (lambda: png((7400, 7400), (16, 0)), True),
    "PNG 16 bits, grayscale and alpha": (lambda: png((4700, 4700), (16, 4)), True),
    "PNG with 48 MB after the image": (lambda: png((3500,) * 2, (8, 6), after=chunk(b"prVt", bytes(48 * 10**6))), True),
    "PNG with text and EXIF": (
        lambda: png((4600, 4600), (8, 6), before=chunk(b"eXIf", EXIF), after=large_text() * 3), True,
    ),
    "JPEG": (lambda: jpeg((13_000, 13_000)), True),
    "JPEG CMYK": (lambda: jpeg((13_000, 13_000), 4), True),
    "JPEG too narrow to be reduced": (lambda: jpeg((900, 40_000)), True),
    "progressive JPEG with much EXIF data": (lambda: jpeg((4900, 4900), marker=0xC2, before=exif_segments(EXIF)), True),
    "progressive JPEG CMYK": (lambda: jpeg((4200, 4200), 4, marker=0xC2), True),
    "progressive JPEG of 40 megapixels without subsampling": (lambda: jpeg((6300, 6300), marker=0xC2), False),
    "progressive JPEG with 1,000 scans": (
        lambda: jpeg((4900, 4900), marker=0xC2, scans=scan(range(1, 4), 0, 0) + bytes(300_000)
        + scan(range(1, 2), 1, 63) * 990), True,
    ),
    "GIF": (lambda: saved("GIF", (4700, 4700), "P", transparency=1), True),
    "GIF, animated": (lambda: saved("GIF", (3000, 3000), "P", frames=2), True),
    "GIF with a screen of 144 megapixels": (lambda: gif((12_000,) * 2, (12_000,) * 2, b"!\xf9\4\x08\0\0\0\0"), False),
    "GIF with 2 million comments": (lambda: gif(SMALL, blocks=b"!\xfe\1a\0" * 2_000_000), False),
    "WEBP RGBA": (lambda: saved("WEBP", (3400, 3400), "RGBA", lossless=True, quality=0, method=0), True),
    "WEBP from a phone": (lambda: saved("WEBP", (4000, 3000), "RGB", method=0), True),
    "WEBP, animated": (lambda: webp((3400, 3400)), True),
    "WEBP with a canvas of 169 megapixels": (lambda: webp((13_000, 13_000)), False),
    "BMP": (lambda: bmp((4000, 4000), data=bytes(48 * 10**6)), True),
    "BMP of runs": (lambda: bmp((6000, 6000), 8, 1, data=bytes(1024) + b"\xff\1" * 10**6), False),
}  # fmt: skip

# For each file named on standard input, print the shape, the reason for refusal, and the growth of the process (bytes):
# while reading, and since the start.
CHILD = """
import io, json, sys
from pathlib import Path
import psutil
from PIL import Image
from mnistdash.exceptions import UnreadableImageError
from mnistdash.imaging.image_files import read_image

for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    read_image(file)
now = lambda: psutil.Process().memory_info().rss
first = now()
for line in sys.stdin:
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = now()
    try:
        shape, reason = read_image(Path(line.strip())).shape, ""
    except UnreadableImageError as error:
        shape, reason = None, str(error)
    peak = 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    print(json.dumps([shape, reason, peak - before, now() - first]), flush=True)
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")


@linux
@pytest.mark.slow
def test_reading_any_image_takes_bounded_memory(tmp_path, environment):
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as child:
        for name, (make, is_decoded) in LARGE.items():
            path = tmp_path / "it"
            path.write_bytes(make())
            print(path, file=child.stdin, flush=True)
            shape, reason, peak, kept = json.loads(child.stdout.readline())
            assert (shape is not None) == is_decoded, f"{name}: {reason}"
            assert peak < MAX_MEMORY, name
            assert kept < MAX_KEPT, name


@linux
@pytest.mark.slow
def test_decoding_an_avif_bomb_takes_bounded_memory(output_of):
    """The container declares 100 x 100 pixels, but its video frame has 16,000 x 16,000."""
    path = FILES / "bomb.avif"
    with pytest.raises(UnreadableImageError, match="damaged or cannot be decoded"):
        read_image(path)
    code = (
        "import pathlib, resource, subprocess, sys\n"
        f"child = subprocess.run([sys.executable, {decode_in_child.__file__!r}, '1000'], capture_output=True,"
        f" input=pathlib.Path({str(path)!r}).read_bytes())\n"
        "print(child.returncode, 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    status, peak = map(int, output_of(code).split())
    assert status != 0
    assert peak < decode_in_child.MAX_MEMORY + 50_000_000, "the libraries themselves are not counted"
