import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mnistdash import images
from mnistdash.images import UnreadableImageError, read_image
from mnistdash.preprocess import to_mnist


def saved(image: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16"], ids=lambda mode: mode.replace(";", "-")
)
def test_every_kind_of_pixel_is_read_alike(drawing, mode):
    if mode == "I;16":
        image = Image.fromarray(drawing.astype(np.uint16) * 100)
    else:
        image = Image.fromarray(drawing).convert(mode)
    file = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    assert np.allclose(to_mnist(read_image(file, "it")), to_mnist(drawing), atol=0.02)


def test_a_photo_is_turned_as_its_camera_says(drawing):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter clockwise
    file = saved(Image.fromarray(drawing).rotate(90), "JPEG", exif=exif, quality=95)
    assert np.abs(to_mnist(read_image(file, "it")) - to_mnist(drawing)).mean() < 0.02


def test_a_large_photo_is_reduced(drawing):
    large = Image.fromarray(drawing).resize((4000, 4000))
    image = read_image(saved(large), "it")
    assert max(image.shape) <= images.WORK_SIDE
    assert np.abs(to_mnist(image) - to_mnist(drawing)).mean() < 0.02


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
    for source, name in ((path, None), (io.BytesIO(data), "it.png")):
        with pytest.raises(UnreadableImageError, match=rf"it\.png: .*{reason}") as caught:
            read_image(source, name)
        assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnreadableImageError, match="there is no such file"):
        read_image(tmp_path / "nothing.png")
    with pytest.raises(UnreadableImageError, match="cannot be read"):
        read_image(tmp_path)
