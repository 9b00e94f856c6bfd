import numpy as np
import pytest
from PIL import Image

from mnistdash.exceptions import BlankImageError
from mnistdash.imaging import binarize, normalize

SIDE = 400  # side of a photo in pixels
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] / SIDE

LIGHTING = {
    "even": np.full((SIDE, SIDE), 0.85),
    "brighter to one side": 0.4 + 0.5 * COLUMNS,
    "a soft shadow": 0.85 - 0.4 / (1 + np.exp(-(ROWS + COLUMNS - 1) / 0.05)),
    "a hard shadow over most of the photo": np.where(ROWS + 0.4 * COLUMNS > 0.5, 0.4, 0.85),
}


@pytest.fixture
def photo(drawing):
    """Return a function that renders a photo of the drawing: photo(lighting, noise, specks)."""
    large = np.asarray(Image.fromarray(drawing).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float64) / 255

    def take(lighting: str, noise: float = 0.0, specks: int = 0) -> np.ndarray:
        random = np.random.default_rng(0)
        image = LIGHTING[lighting] * (0.25 + 0.75 * large)
        for row, column in random.integers(5, SIDE - 5, (specks, 2)):
            image[row : row + 3, column : column + 3] *= 0.4
        return np.round(255 * (image + random.normal(0, noise, image.shape)).clip(0, 1)).astype(np.uint8)

    return take


@pytest.mark.parametrize("lighting", LIGHTING)
@pytest.mark.parametrize(("noise", "specks"), [(0.0, 0), (0.03, 40)], ids=["clean", "noise and specks"])
def test_photo_in_any_lighting_yields_the_same_digit(photo, drawing, lighting, noise, specks):
    view = normalize.to_mnist(photo(lighting, noise, specks))
    assert np.abs(view - normalize.to_mnist(drawing)).mean() < 0.04


@pytest.mark.parametrize("lighting", LIGHTING)
def test_empty_paper_is_blank_in_any_lighting(lighting):
    noise = np.random.default_rng(0).normal(0, 0.015, (SIDE, SIDE))
    with pytest.raises(BlankImageError):
        binarize.extract_foreground(np.round(255 * (LIGHTING[lighting] + noise).clip(0, 1)).astype(np.uint8))


def test_specks_are_removed_and_pen_dots_are_kept():
    drawn = np.zeros((280, 280), np.float32)
    drawn[40:240, 130:150] = 1
    drawn[20:24, 20:24] = 1
    drawn[250:270, 130:150] = 1
    kept = binarize.remove_specks(drawn)
    assert not kept[:30, :30].any()
    assert kept[250:270, 130:150].all()
    assert kept[40:240, 130:150].all()


def test_wide_stroke_is_not_a_shadow():
    canvas = np.zeros((280, 280), np.uint8)
    canvas[40:240, 90:190] = 255
    found = binarize.extract_foreground(canvas)
    assert found[140, 140] == 1
    assert not found[:, :80].any()


def test_strokes_across_the_border_are_foreground():
    canvas = np.zeros((280, 280), np.uint8)
    canvas[:, 100:130] = 255
    canvas[100:130, :] = 255
    assert binarize.extract_foreground(canvas).sum() == pytest.approx((canvas / 255).sum())
