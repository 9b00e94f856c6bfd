import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from image_builders import png
from PIL import Image, ImageOps

from mnistdash.exceptions import UnreadableImageError
from mnistdash.imaging import image_files
from mnistdash.imaging.image_files import read_image
from mnistdash.imaging.normalize import to_mnist

FILES = Path(__file__).with_name("files")


def saved(image: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def assert_alike(pixels: np.ndarray, drawing: np.ndarray, lossy: bool = False) -> None:
    """Check that two images yield nearly the same network input."""
    difference = np.abs(to_mnist(pixels) - to_mnist(drawing))
    assert difference.mean() < 0.02 if lossy else difference.max() < 0.02


def in_mode(drawing: np.ndarray, mode: str) -> Image.Image:
    if mode == "I;16":  # part of the value range
        return Image.frombytes(mode, drawing.shape[::-1], (drawing * 100.0 + 7).astype("<u2").tobytes())
    return Image.fromarray(drawing).convert(mode)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("L", "RGB", "RGBA", "LA", "P", "1", "I;16")),
        *((kind, mode) for kind in ("BMP", "WEBP") for mode in ("L", "RGB", "RGBA")),
        ("GIF", "P"), ("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("MPO", "RGB"),
    ],
    ids=lambda value: value.replace(";", "-"),
)  # fmt: skip
def test_every_mode_of_every_format_yields_the_same_digit(drawing, kind, mode):
    image = in_mode(drawing, mode)
    options = {"MPO": {"save_all": True, "append_images": [image]}, "WEBP": {"lossless": True}}.get(kind, {})
    pixels = read_image(saved(image, kind, **options), "it")
    assert pixels.dtype == np.uint8
    assert_alike(pixels, drawing, lossy=kind in ("JPEG", "MPO"))


def test_heic_photo_is_decoded_in_its_orientation(drawing):
    """iPhones save HEIC by default; the camera was rotated by 90 degrees for this photo."""
    assert_alike(read_image(FILES / "rotated_seven.heic"), drawing, lossy=True)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_avif_image_is_decoded_in_its_orientation(drawing, mode):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(drawing).convert(mode).rotate(90)
    assert_alike(read_image(saved(image, "AVIF", exif=exif, quality=90), "it"), drawing, lossy=True)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation_is_decoded(drawing, kind):
    first, second = Image.fromarray(drawing), Image.new("L", drawing.shape[::-1], 255)
    pixels = read_image(saved(first, kind, save_all=True, append_images=[second]), "it")
    assert_alike(pixels, drawing, lossy=True)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(drawing, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(Image.fromarray(drawing[:, 30:]), kind, exif=exif)
    with Image.open(file) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    assert np.abs(read_image(file, "it").astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(2000, 1600), (1999, 701), (1000, 1001), (30_000, 60)])
@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"], ids=["L", "RGBA", "I-16"])
def test_large_image_is_reduced_to_the_working_size(drawing, size, mode):
    large = np.asarray(Image.fromarray(drawing).resize(size))
    expected = Image.fromarray(large).convert("L" if mode == "I;16" else mode)
    pixels = read_image(saved(in_mode(large, mode), compress_level=1), "it")
    expected.thumbnail((image_files.WORK_SIDE, image_files.WORK_SIDE), Image.Resampling.BOX)
    assert max(pixels.shape[:2]) == image_files.WORK_SIDE
    assert pixels.shape[:2] == expected.size[::-1]
    assert np.abs(pixels.astype(int) - np.asarray(expected)).mean() < 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"just text", "not an image in a supported format; use PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC"),
        (saved(Image.new("L", (50, 50)), "TIFF").getvalue(), "not an image in a supported format; use PNG, JPEG"),
        (b"", "the file is empty"),
        (png((0, 0), pixels=zlib.compress(b"")), "not an image"),
        (png((8000, 8000), pixels=zlib.compress(b"")), "8000 x 8000 pixels is too large"),
        (png((20_000, 20_000), pixels=zlib.compress(b"")), "too large"),
        (saved(Image.new("L", (50, 50))).getvalue()[:60], "damaged"),
        (struct.pack(">I", 24) + b"ftypheic" + bytes(100), "damaged"),
    ],
    ids=["text", "TIFF", "empty", "0x0", "8000x8000", "20000x20000", "truncated PNG", "damaged HEIC"],
)
def test_unreadable_file_is_refused_in_one_sentence(tmp_path, data, reason):
    path = tmp_path / "it.png"
    path.write_bytes(data)
    for source, name, start in ((path, None, f"{path}: "), (io.BytesIO(data), "it.png", "`it.png`: ")):
        with pytest.raises(UnreadableImageError, match=reason) as caught:
            read_image(source, name)
        message = str(caught.value)
        assert message.startswith(start)
        assert message.removeprefix(start).count(".") == 1, "a single sentence"
        assert message.endswith(".")
        assert "\n" not in message


def test_missing_file_and_folder_are_named(tmp_path):
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
def test_file_name_cannot_change_the_rest_of_the_message(name, shown):
    with pytest.raises(UnreadableImageError) as caught:
        read_image(io.BytesIO(b"text"), name)
    assert str(caught.value).startswith(f"{shown}: not an image in a supported format; ")


def test_file_can_be_read_again(drawing):
    file = saved(Image.fromarray(drawing), "BMP")
    assert (read_image(file, "it") == read_image(file, "it")).all()
    assert not file.closed


def test_decoding_is_aborted_after_a_time_limit(drawing, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_SECONDS", -1)
    with pytest.raises(UnreadableImageError, match="takes too long"):
        read_image(saved(Image.fromarray(drawing)), "it")
    monkeypatch.setattr(image_files, "MAX_SECONDS", 0.001)  # shorter than the start of the child process
    with pytest.raises(UnreadableImageError, match="takes too long"):
        read_image(FILES / "rotated_seven.heic")


def test_images_are_decoded_one_at_a_time(drawing, monkeypatch):
    decoding, at_once = [], []

    def reduce_slowly(image: Image.Image) -> Image.Image:
        decoding.append(image)
        time.sleep(0.01)
        at_once.append(len(decoding))
        decoding.remove(image)
        return image

    monkeypatch.setattr(image_files, "_reduce", reduce_slowly)
    data = saved(Image.fromarray(drawing)).getvalue()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read_image(io.BytesIO(data), "it"), range(8)))
    assert at_once == [1] * 8
