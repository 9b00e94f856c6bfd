import numpy as np
import pytest
from hands import DIGITS, on_canvas

from mnistdash.imaging import normalize, stroke_width
from mnistdash.synthesis import redraw


def mnist_like(text: str) -> np.ndarray:
    return np.round(255 * normalize.to_mnist(on_canvas(text))).astype(np.uint8)


def swelling_line() -> np.ndarray:
    """A stroke from 1 to 6 pixels thick, as a scanned one may be."""
    rows, columns = np.indices((28, 28))
    return np.where((abs(columns - 13.5) < 0.5 + (rows - 4) / 8) & (rows >= 4) & (rows < 24), 255, 0).astype(np.uint8)


def thickness(image: np.ndarray) -> np.ndarray:
    """Ink in each row, in pixels."""
    return image.sum(1) / 255


@pytest.mark.parametrize("digit", DIGITS)
def test_a_redrawn_digit_is_the_same_with_a_pen_of_its_own(digit):
    image = mnist_like(digit)
    made = redraw.redraw(image, np.random.default_rng(0))
    assert made.shape == (28, 28)
    assert made.dtype == np.uint8
    ink, ink_made = image > 127, made > 127
    assert (ink & ink_made).sum() > 0.5 * max(ink.sum(), ink_made.sum())


def test_a_swelling_stroke_becomes_even():
    made = redraw.redraw(swelling_line(), np.random.default_rng(1))
    inner = slice(8, 20)
    assert np.ptp(thickness(swelling_line())[inner]) >= 2
    assert np.ptp(thickness(made)[inner]) < 0.5


def test_pens_vary_in_the_range_of_drawings():
    random = np.random.default_rng(2)
    made = [redraw.redraw(mnist_like("0"), random) for _ in range(30)]
    large = [np.kron(image / 255, np.ones((8, 8))) for image in made]
    found = np.array([stroke_width.stroke_width(image) / 8 for image in large])
    assert redraw.PEN[0] - 0.4 < found.min() < found.max() < redraw.PEN[1] + 0.4
    assert np.ptp(found) > 0.6


@pytest.mark.parametrize("kind", ["blank", "blot"])
def test_what_has_no_lines_to_follow_stays(kind):
    """A loop that has run full would become a hook."""
    image = np.zeros((28, 28), np.uint8)
    if kind == "blot":
        rows, columns = np.indices((28, 28))
        image[4:20, 12:15] = 255
        image[np.hypot(rows - 19, columns - 14) < 5] = 255
    assert np.array_equal(redraw.redraw(image, np.random.default_rng(3)), image)


def test_many_at_once():
    images = np.stack([mnist_like("3"), mnist_like("8")])
    assert redraw.redraw_all(images, np.random.default_rng(4)).shape == images.shape
    assert redraw.redraw_all(images[:0], np.random.default_rng(4)).shape == (0, 28, 28)
