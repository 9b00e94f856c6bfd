import numpy as np
import pytest
from hands import DIGITS, on_canvas

from mnistdash.imaging import normalize, stroke_width
from mnistdash.synthesis import redraw


def mnist_like(text: str) -> np.ndarray:
    return np.round(255 * normalize.to_mnist(on_canvas(text))).astype(np.uint8)


def swelling_line() -> np.ndarray:
    """Draw a stroke that widens from 1 to 6 pixels, as in a scan."""
    rows, columns = np.indices((28, 28))
    return np.where((abs(columns - 13.5) < 0.5 + (rows - 4) / 8) & (rows >= 4) & (rows < 24), 255, 0).astype(np.uint8)


def row_widths(image: np.ndarray) -> np.ndarray:
    """Return the stroke width in each row, in pixels."""
    return image.sum(1) / 255


@pytest.mark.parametrize("digit", DIGITS)
def test_redrawn_digit_overlaps_the_original(digit):
    image = mnist_like(digit)
    redrawn = redraw.redraw(image, np.random.default_rng(0))
    assert redrawn.shape == (28, 28)
    assert redrawn.dtype == np.uint8
    before, after = image > 127, redrawn > 127
    assert (before & after).sum() > 0.5 * max(before.sum(), after.sum())


def test_stroke_of_varying_width_becomes_uniform():
    redrawn = redraw.redraw(swelling_line(), np.random.default_rng(1))
    inner = slice(8, 20)
    assert np.ptp(row_widths(swelling_line())[inner]) >= 2
    assert np.ptp(row_widths(redrawn)[inner]) < 0.5


def test_pen_widths_cover_their_range():
    rng = np.random.default_rng(2)
    redrawn = [redraw.redraw(mnist_like("0"), rng) for _ in range(30)]
    large = [np.kron(image / 255, np.ones((8, 8))) for image in redrawn]
    found = np.array([stroke_width.stroke_width(image) / 8 for image in large])
    assert redraw.STROKE_WIDTHS[0] - 0.4 < found.min() < found.max() < redraw.STROKE_WIDTHS[1] + 0.4
    assert np.ptp(found) > 0.6


@pytest.mark.parametrize("kind", ["blank", "blot"])
def test_blank_image_and_filled_loop_are_unchanged(kind):
    """A filled loop would become a hook."""
    image = np.zeros((28, 28), np.uint8)
    if kind == "blot":
        rows, columns = np.indices((28, 28))
        image[4:20, 12:15] = 255
        image[np.hypot(rows - 19, columns - 14) < 5] = 255
    assert np.array_equal(redraw.redraw(image, np.random.default_rng(3)), image)


def test_redraw_all_keeps_the_shape():
    images = np.stack([mnist_like("3"), mnist_like("8")])
    assert redraw.redraw_all(images, np.random.default_rng(4)).shape == images.shape
    assert redraw.redraw_all(images[:0], np.random.default_rng(4)).shape == (0, 28, 28)
