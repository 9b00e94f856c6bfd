import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageOps

from mnistdash.exceptions import UnreadableImageError
from mnistdash.imaging import image_files
from mnistdash.imaging.image_files import read_image
from mnistdash.imaging.normalize import to_mnist


def saved(image: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def assert_alike(pixels: np.ndarray, drawing: np.ndarray, lossy: bool = False) -> None:
    """The network would see the same."""
    apart = np.abs(to_mnist(pixels) - to_mnist(drawing))
    assert apart.mean() < 0.02 if lossy else apart.max() < 0.02


def deep(drawing: np.ndarray, mode: str) -> Image.Image:
    """The drawing with 16 or 32 bits per pixel, in a range of its own."""
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4", "F": "<f4"}[mode]
    return Image.frombytes(mode, drawing.shape[::-1], (drawing * 100.0 + 7).astype(kind).tobytes())


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("L", "RGB", "RGBA", "LA", "P", "1", "I;16")),
        *(("TIFF", mode) for mode in ("CMYK", "RGBA", "PA", "I;16", "I;16B", "I", "F")),
        *(("PPM", mode) for mode in ("L", "RGB", "1", "I;16", "F")),
        *((kind, mode) for kind in ("BMP", "WEBP") for mode in ("L", "RGB", "RGBA")),
        ("GIF", "P"), ("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("MPO", "RGB"),
    ],
    ids=lambda value: value.replace(";", "-"),
)  # fmt: skip
def test_every_kind_of_pixel_is_read_alike(drawing, kind, mode):
    image = deep(drawing, mode) if mode[0] in "IF" else Image.fromarray(drawing).convert(mode)
    more = {"save_all": True, "append_images": [image]} if kind == "MPO" else {}
    if kind == "WEBP":
        more = {"lossless": True}
    pixels = read_image(saved(image, kind, **more), "it")
    assert pixels.dtype == np.uint8
    assert_alike(pixels, drawing, lossy=kind in ("JPEG", "MPO"))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"])
def test_every_usual_compression_of_a_tiff_is_read(drawing, compression):
    image = Image.fromarray(drawing).convert("1" if compression == "group4" else "L")
    pixels = read_image(saved(image, "TIFF", compression=compression), "it")
    assert_alike(pixels, drawing, lossy=compression == "jpeg")


@pytest.mark.parametrize("maximum", [1, 100, 255, 1000])
def test_plain_and_uncommon_ppm_files_are_read(drawing, maximum):
    levels = np.round(drawing / 255 * maximum).astype(int)
    plain = f"P2 # a comment\n200 200 {maximum}\n" + " ".join(map(str, levels.flat))
    kind = ">u2" if maximum > 255 else "u1"
    for data in (plain.encode(), f"P5 200 200 {maximum}\n".encode() + levels.astype(kind).tobytes()):
        assert_alike(read_image(io.BytesIO(data), "it"), drawing)


def test_of_an_animation_and_of_pages_the_first_is_read(drawing):
    first, second = Image.fromarray(drawing), Image.new("L", drawing.shape[::-1], 255)
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        pixels = read_image(saved(first, kind, save_all=True, append_images=[second]), "it")
        assert_alike(pixels, drawing, lossy=True)


def test_what_is_no_number_is_black_and_the_rest_has_its_range():
    values = np.full((20, 30), 3e38, np.float32)
    values[5:9] = -3e38
    values[0, :3] = np.nan, np.inf, -np.inf
    pixels = read_image(saved(Image.fromarray(values), "TIFF"), "it")
    assert pixels[0, :3].tolist() == [0, 0, 0]
    assert set(pixels[1:].flat) == {0, 255}


def test_a_photo_is_turned_as_its_camera_says(drawing):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter clockwise
    file = saved(Image.fromarray(drawing).rotate(90), "JPEG", exif=exif, quality=95)
    assert_alike(read_image(file, "it"), drawing, lossy=True)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_turn_is_that_of_pillow(drawing, kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    file = saved(Image.fromarray(drawing[:, 30:]), kind, exif=exif)
    with Image.open(file) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    assert np.abs(read_image(file, "it").astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(2500, 2000), (3001, 700), (1999, 1001), (1000, 1001), (30_000, 60)])
@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"], ids=["L", "RGBA", "I-16"])
def test_a_large_image_is_reduced_as_a_whole_would_be(drawing, size, mode):
    large = Image.fromarray(drawing).resize(size)
    whole = large.convert("L" if mode == "I;16" else mode)
    pixels = read_image(saved(deep(np.asarray(large), mode) if mode == "I;16" else whole, compress_level=1), "it")
    whole.thumbnail((image_files.WORK_SIDE, image_files.WORK_SIDE), Image.Resampling.BOX)
    assert max(pixels.shape[:2]) == image_files.WORK_SIDE
    assert pixels.shape[:2] == whole.size[::-1]
    # An edge may fall between other pixels.
    assert np.abs(pixels.astype(int) - np.asarray(whole)).mean() < 1


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header says this size, without the pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"just text", "not an image"),
        (b"", "the file is empty"),
        (png_of_size(0, 0), "not an image"),
        (png_of_size(7000, 7000), "7000 x 7000 pixels are too many"),
        (png_of_size(20_000, 20_000), "too large"),
        (saved(Image.new("L", (50, 50))).getvalue()[:60], "damaged"),
    ],
    ids=["text", "empty", "0x0", "7000x7000", "20000x20000", "truncated"],
)
def test_what_cannot_be_read_gets_one_sentence(tmp_path, data, reason):
    path = tmp_path / "it.png"
    path.write_bytes(data)
    for source, name, start in ((path, None, f"{path}: "), (io.BytesIO(data), "it.png", "`it.png`: ")):
        with pytest.raises(UnreadableImageError, match=reason) as caught:
            read_image(source, name)
        message = str(caught.value)
        assert message.startswith(start)
        assert message.removeprefix(start).count(".") == 1, "one sentence"
        assert message.endswith(".")
        assert "\n" not in message


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableImageError, match="there is no such file"):
        read_image(tmp_path / "nothing.png")
    with pytest.raises(UnreadableImageError, match="cannot be read"):
        read_image(tmp_path)


NAMES = {
    "../../etc/passwd": "`../../etc/passwd`",
    "7" * 10_000: f"`{'7' * 39}…`",
    "<script>alert(1)</script>": "`<script>alert(1)</script>`",
    "![x](http://example.org/x.png)": "`![x](http://example.org/x.png)`",
    "seven\u202egnp.exe": "`sevengnp.exe`",
    "one\ntwo\r\n# three": "`onetwo# three`",
    "one\u2028two": "`one two`",
    "`**bold**` ``": "`**bold**`",
    "שבע.png": "`\u2068שבע.png\u2069`",
    "\x1b[31mred\x00\ud800": "`[31mred`",
    "\u200b \t": "nothing",
    "": "nothing",
}


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=range(len(NAMES)))
def test_a_name_means_nothing_in_a_message(name, shown):
    with pytest.raises(UnreadableImageError) as caught:
        read_image(io.BytesIO(b"text"), name)
    assert str(caught.value) == f"{shown}: not an image; use PNG, JPEG or another common format."


def test_a_message_does_not_repeat_what_is_in_the_file():
    with pytest.raises(UnreadableImageError, match=r"^`it`: the image is damaged or cannot be read\.$"):
        read_image(io.BytesIO(b"P5 ![x](http://e/x) 5"), "it")


def test_a_file_can_be_read_again(drawing):
    file = saved(Image.fromarray(drawing), "TIFF", compression="tiff_lzw")
    assert (read_image(file, "it") == read_image(file, "it")).all()
    assert not file.closed


def test_a_file_that_takes_too_long_is_given_up(drawing, monkeypatch):
    monkeypatch.setattr(image_files, "SECONDS", -1)
    with pytest.raises(UnreadableImageError, match="takes too long"):
        read_image(saved(Image.fromarray(drawing)), "it")


def test_images_are_decoded_one_at_a_time(drawing, monkeypatch):
    decoding, at_once = [], []

    def reduced(image: Image.Image) -> Image.Image:
        decoding.append(image)
        time.sleep(0.01)
        at_once.append(len(decoding))
        decoding.remove(image)
        return image

    monkeypatch.setattr(image_files, "_reduced", reduced)
    data = saved(Image.fromarray(drawing)).getvalue()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read_image(io.BytesIO(data), "it"), range(8)))
    assert at_once == [1] * 8
