import numpy as np
import pytest
from scipy import ndimage

from mnistdash.exceptions import BlankImageError
from mnistdash.imaging import normalize, stroke_width
from mnistdash.imaging.binarize import extract_foreground
from mnistdash.imaging.normalize import to_mnist
from mnistdash.inference.model import Model
from mnistdash.settings import PROJECT
from mnistdash.synthesis.pen import draw_strokes


def center_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def test_result_is_28x28_float32_from_0_to_1(drawing):
    view = to_mnist(drawing)
    assert view.shape == (28, 28)
    assert view.dtype == np.float32
    assert view.min() == 0
    assert 0.9 < view.max() <= 1


def test_digit_fits_20x20_and_is_centered_by_mass(drawing):
    view = to_mnist(drawing)
    rows, columns = np.flatnonzero(view.any(1)), np.flatnonzero(view.any(0))
    assert rows[-1] - rows[0] + 1 == 20
    assert columns[-1] - columns[0] + 1 <= 20
    row, column = center_of_mass(view)
    assert abs(row - 13.5) <= 0.5
    assert abs(column - 13.5) <= 0.5


def test_polarity_has_no_effect(drawing):
    assert np.allclose(to_mnist(drawing), to_mnist(255 - drawing), atol=1e-6)


def test_faint_strokes_become_full_strokes(drawing):
    faint = (255 - (255 - drawing.astype(int)) // 4).astype(np.uint8)
    assert np.allclose(to_mnist(drawing), to_mnist(faint), atol=0.02)


@pytest.mark.parametrize("offset", [(0, 0), (300, 0), (0, 500), (380, 600)])
def test_position_has_no_effect(drawing, offset):
    canvas = np.full((600, 900), 255, np.uint8)
    canvas[offset[0] : offset[0] + 200, offset[1] : offset[1] + 200] = drawing
    assert np.allclose(to_mnist(canvas), to_mnist(drawing), atol=1e-6)


def test_size_has_little_effect(drawing):
    large = np.kron(drawing, np.ones((4, 4), np.uint8))
    assert np.abs(to_mnist(large) - to_mnist(drawing)).mean() < 0.01


@pytest.mark.parametrize("gray", [0, 255], ids=["black strokes", "white strokes"])
def test_transparent_pixels_are_background(drawing, gray):
    """Transparent pixels of a PNG may have any color."""
    canvas = np.full((200, 200, 4), gray, np.uint8)
    canvas[..., 3] = 255 - drawing
    assert np.allclose(to_mnist(canvas), to_mnist(drawing), atol=0.02)


def test_colored_strokes_are_foreground(drawing):
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
    ids=["transparent", "white", "gray", "one pixel", "no pixel"],
)
def test_uniform_image_is_blank(image):
    with pytest.raises(BlankImageError):
        to_mnist(image)


def test_sensor_noise_on_white_paper_is_blank():
    noise = np.random.default_rng(0).normal(230, 4, (280, 280)).clip(0, 255).astype(np.uint8)
    with pytest.raises(BlankImageError):
        to_mnist(noise)


def test_single_dot_is_not_blank():
    canvas = np.zeros((280, 280), np.uint8)
    canvas[100:120, 100:120] = 255
    assert to_mnist(canvas).sum() > 0


def test_thin_line_across_the_canvas_does_not_vanish():
    """Resizing makes it thinner than a pixel."""
    canvas = np.full((600, 600), 255, np.uint8)
    canvas[300:303] = 0
    view = to_mnist(canvas)
    assert view.any(0).sum() == 20


@pytest.mark.slow
def test_mnist_digits_are_recognized_after_normalization(mnist):
    """Accuracy on normalized digits is close to the accuracy on the originals."""
    model = Model(PROJECT / "models" / "flagship" / "model.tflite", "flagship")
    images, labels = mnist.validation.images[:500], mnist.validation.labels[:500]
    views = np.stack([to_mnist(image) for image in images])
    assert (model(views).argmax(1) == labels).mean() >= 0.99


@pytest.mark.parametrize("pen", [4, 10, 20, 30, 48])
def test_stroke_width_matches_mnist_for_every_pen(pen):
    """The width lies between the 5th and 95th percentile of MNIST's training images."""
    line = draw_strokes([np.array([[100.0, 40.0], [180.0, 240.0]])], pen, 280)
    width = stroke_width.stroke_width(np.kron(to_mnist(np.round(255 * line).astype(np.uint8)), np.ones((8, 8)))) / 8
    assert 1.6 <= width <= 4.1


def test_strokes_as_wide_as_mnists_are_unchanged():
    digit = np.zeros((80, 40), np.float32)
    digit[:, 15:25] = 1
    assert normalize.normalize_stroke_width(digit) is digit


def test_thin_strokes_survive_next_to_wide_ones():
    """Thinning the wide part must not break the thin part."""
    digit = np.zeros((100, 60), np.float32)
    digit[:50] = 1
    digit[50:, 26:34] = 1
    thinner = normalize.normalize_stroke_width(digit)
    stem = (thinner[-len(thinner) // 3 :] > 0.5).sum(1)
    assert stem.all()
    assert stem.max() < 0.08 * len(thinner)
    assert ndimage.label(thinner > 0.5)[1] == 1


def test_last_step_is_the_network_input(drawing):
    found = extract_foreground(drawing)
    steps = normalize.normalization_steps(normalize.crop(found))
    names = [name for name, _ in steps]
    assert names == ["Cropped", "Stroke width normalized", "Fitted to 20 × 20", "Centered in 28 × 28"]
    assert np.array_equal(steps[-1][1], to_mnist(drawing))
    assert max(steps[2][1].shape) == 20


def test_foreground_that_vanishes_in_the_box_gives_a_blank_input():
    assert not normalize.center_by_mass(np.zeros((20, 12), np.float32)).any()
