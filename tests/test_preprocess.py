import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mnistdash import inference, preprocess
from mnistdash.preprocess import BlankImageError, UnreadableImageError, read_image, to_mnist
from mnistdash.settings import PROJECT


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def saved(image: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def test_the_result_is_as_promised(drawing):
    view = to_mnist(drawing)
    assert view.shape == (28, 28)
    assert view.dtype == np.float32
    assert view.min() == 0
    assert 0.9 < view.max() <= 1


def test_the_digit_fits_twenty_pixels_and_is_centred_by_mass(drawing):
    view = to_mnist(drawing)
    rows, columns = np.flatnonzero(view.any(1)), np.flatnonzero(view.any(0))
    assert rows[-1] - rows[0] + 1 == 20
    assert columns[-1] - columns[0] + 1 <= 20
    row, column = centre_of_mass(view)
    assert abs(row - 13.5) <= 0.5
    assert abs(column - 13.5) <= 0.5


def test_light_on_dark_and_dark_on_light_are_the_same(drawing):
    assert np.allclose(to_mnist(drawing), to_mnist(255 - drawing), atol=1e-6)


def test_faint_ink_counts_as_full_ink(drawing):
    faint = (255 - (255 - drawing.astype(int)) // 4).astype(np.uint8)
    assert np.allclose(to_mnist(drawing), to_mnist(faint), atol=0.02)


@pytest.mark.parametrize("offset", [(0, 0), (300, 0), (0, 500), (380, 600)])
def test_where_on_the_canvas_it_is_drawn_does_not_matter(drawing, offset):
    canvas = np.full((600, 900), 255, np.uint8)
    canvas[offset[0] : offset[0] + 200, offset[1] : offset[1] + 200] = drawing
    assert np.allclose(to_mnist(canvas), to_mnist(drawing), atol=1e-6)


def test_how_large_it_is_drawn_hardly_matters(drawing):
    large = np.kron(drawing, np.ones((4, 4), np.uint8))
    assert np.abs(to_mnist(large) - to_mnist(drawing)).mean() < 0.01


@pytest.mark.parametrize("grey", [0, 255], ids=["black ink", "white ink"])
def test_what_is_transparent_is_paper(drawing, grey):
    """A transparent PNG may carry any colour where nothing is drawn."""
    canvas = np.full((200, 200, 4), grey, np.uint8)
    canvas[..., 3] = 255 - drawing
    assert np.allclose(to_mnist(canvas), to_mnist(drawing), atol=0.02)


def test_coloured_ink_is_found(drawing):
    canvas = np.repeat(drawing[..., None], 3, axis=2)
    canvas[..., 2] = 255  # blue on white
    assert np.allclose(to_mnist(canvas), to_mnist(drawing), atol=0.02)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((280, 280, 4), np.uint8),
        np.full((280, 280), 255, np.uint8),
        np.full((280, 280, 3), 90, np.uint8),
        np.full((1, 1), 0, np.uint8),
        np.zeros((0, 0), np.uint8),
    ],
    ids=["transparent", "white", "grey", "one pixel", "no pixel"],
)
def test_nothing_drawn_is_blank(image):
    with pytest.raises(BlankImageError):
        to_mnist(image)


def test_sensor_noise_on_white_paper_is_blank():
    noise = np.random.default_rng(0).normal(230, 4, (280, 280)).clip(0, 255).astype(np.uint8)
    with pytest.raises(BlankImageError):
        to_mnist(noise)


def test_a_single_dot_is_drawn_and_not_blank():
    canvas = np.zeros((280, 280), np.uint8)
    canvas[100:120, 100:120] = 255
    assert to_mnist(canvas).sum() > 0


def test_a_line_as_wide_as_the_canvas_stays_inside():
    """The thinnest line scales to less than a pixel, which must not vanish."""
    canvas = np.full((600, 600), 255, np.uint8)
    canvas[300:303] = 0
    view = to_mnist(canvas)
    assert view.any(0).sum() == 20


def test_mnist_itself_comes_through_nearly_unchanged(mnist):
    """The network must read as well through the drawing path as it does straight from MNIST."""
    model = inference.Model(PROJECT / "models" / "flagship" / "model.tflite", "flagship")
    images, labels = mnist.validation.images[:500], mnist.validation.labels[:500]
    views = np.stack([to_mnist(image) for image in images])
    assert (model(views).argmax(1) == labels).mean() >= 0.99


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
    assert max(image.shape) <= preprocess.WORK_SIDE
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
