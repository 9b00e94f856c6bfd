from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from mnistdash.evaluation.perturbations import KINDS, Perturbation, perturb
from mnistdash.synthesis import pen


@pytest.fixture(scope="module")
def digits(sample) -> np.ndarray:
    return sample.test.images[:20]


@pytest.fixture
def bar() -> np.ndarray:
    """Return a line from the center to the top, (1, 28, 28) uint8."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:14, 13:15] = 255
    return image


def middle(image: np.ndarray) -> np.ndarray:
    """Return the row and column of an image's center of mass."""
    return np.array(ndimage.center_of_mass(image.astype(float)))


def box(image: np.ndarray) -> np.ndarray:
    """Return the height and width of the foreground."""
    inked = image > 127
    return np.array([np.ptp(np.flatnonzero(inked.any(axis))) + 1 for axis in (1, 0)])


def test_the_neutral_perturbation_changes_nothing(digits):
    made = perturb(digits, Perturbation())
    assert np.array_equal(made, digits)
    assert made.dtype == np.uint8
    made[:] = 0
    assert digits.any(), "the images are copied"


def test_a_neutral_perturbation_among_others_changes_nothing(digits):
    others = [Perturbation(turn=30, size=0.8), Perturbation(), Perturbation(stroke=1, noise=0.2, right=2.5)]
    assert np.array_equal(perturb(digits[:1], others)[1], digits[0])


@pytest.mark.parametrize(("right", "down"), [(3.0, 0.0), (0.0, -2.0), (1.5, 2.5)])
def test_a_shift_moves_the_center_of_mass_by_that_many_pixels(digits, right, down):
    small = perturb(digits, Perturbation(size=0.7))  # keeps the whole digit in the image
    for before, after in zip(small, perturb(small, Perturbation(right=right, down=down)), strict=True):
        assert middle(after) - middle(before) == pytest.approx([down, right], abs=0.05)


def test_a_shift_by_whole_pixels_keeps_values_and_drops_pixels_outside(digits):
    made = perturb(digits, Perturbation(right=8))
    assert np.array_equal(made[:, :, 8:], digits[:, :, :-8])
    assert not made[:, :, :8].any()


def test_rotation_is_clockwise(bar):
    """A line that points up points right after 90 degrees and down after 180."""
    quarter = perturb(bar, Perturbation(turn=90))
    assert middle(quarter[0])[1] > 17
    assert middle(quarter[0])[0] == pytest.approx(13.5, abs=0.1)
    half = perturb(quarter, Perturbation(turn=90))
    assert middle(half[0]) == pytest.approx(27 - middle(bar[0]), abs=0.1)


def test_the_shift_follows_the_rotation(bar):
    turned = perturb(bar, Perturbation(turn=90))
    both = perturb(bar, Perturbation(turn=90, right=3))
    assert middle(both[0]) - middle(turned[0]) == pytest.approx([0, 3], abs=0.05)


@pytest.mark.parametrize("size", [0.5, 0.8, 1.3])
def test_size_scales_the_bounding_box(digits, size):
    for before, after in zip(digits, perturb(digits, Perturbation(size=size)), strict=True):
        assert box(after) == pytest.approx(size * box(before), abs=2)


def test_thicker_strokes_have_more_foreground_and_thinner_ones_less(digits):
    amounts = np.arange(-1.5, 3.1, 0.25)
    ink = np.stack([perturb(digits, Perturbation(stroke=amount)).sum((1, 2), dtype=float) for amount in amounts])
    assert (np.diff(ink, axis=0) > 0).all()


@pytest.mark.parametrize("amount", [-1.0, -0.4, 0.5, 1.0, 2.6])
def test_a_stroke_becomes_thicker_by_that_many_pixels(amount):
    """Measure the foreground in one row of a long line."""
    line = np.zeros((1, 28, 28), np.uint8)
    line[0, :, 12:16] = 255
    line[0, :, 16] = 100
    before, after = (
        image[0, 14].sum(dtype=float) / 255 for image in (line, perturb(line, Perturbation(stroke=amount)))
    )
    assert after - before == pytest.approx(amount, abs=0.02)


def test_slanted_and_upright_strokes_thicken_equally():
    slanted = pen.draw_strokes([np.array([[5.0, 8.0], [22.0, 20.0]])], 3, 28)
    image = np.round(255 * slanted).astype(np.uint8)[None]
    grown = perturb(image, Perturbation(stroke=1.5))[0]
    length = np.hypot(17, 12) + 3
    assert (grown.sum(dtype=float) - image.sum(dtype=float)) / 255 / length == pytest.approx(1.5, rel=0.2)


def test_faint_strokes_thicken_and_stay_faint():
    dot = np.zeros((1, 28, 28), np.uint8)
    dot[0, 12:16, 12:16] = 90
    grown = perturb(dot, Perturbation(stroke=2))
    assert grown.max() == 90
    assert (grown > 45).sum() > 20


def test_noise_depends_only_on_the_seed(digits):
    noisy = Perturbation(noise=0.3)
    assert np.array_equal(perturb(digits, noisy), perturb(digits, noisy))
    assert not np.array_equal(perturb(digits, noisy), perturb(digits, noisy, seed=1))


def test_noise_keeps_its_pattern_at_every_strength():
    gray = np.full((1, 28, 28), 128, np.uint8)
    weak, strong = (made.astype(int) - 128 for made in perturb(gray, [Perturbation(noise=n) for n in (0.05, 0.1)]))
    assert np.abs(strong - 2 * weak).max() <= 2
    assert weak.std() == pytest.approx(0.05 * 255, rel=0.1)


def test_each_digits_noise_is_independent_of_the_other_digits(digits):
    noisy = Perturbation(noise=0.3)
    many = perturb(digits, noisy)
    assert np.array_equal(many[:5], perturb(digits[:5], noisy))
    twins = perturb(np.repeat(digits[:1], 2, axis=0), noisy)
    assert not np.array_equal(twins[0], twins[1])


def test_perturbing_many_digits_equals_perturbing_each_alone(digits):
    settings = [
        Perturbation(right=k % 5 - 2, turn=7.0 * k, size=1 + k / 40, stroke=(k % 4 - 1) / 2) for k in range(len(digits))
    ]
    alone = [perturb(digits[k : k + 1], setting)[0] for k, setting in enumerate(settings)]
    assert np.array_equal(perturb(digits, settings), alone)
    variants = [perturb(digits[:1], setting)[0] for setting in settings]
    assert np.array_equal(perturb(digits[:1], settings), variants)


def test_the_numbers_of_digits_and_perturbations_must_match(digits):
    with pytest.raises(ValueError, match=r"20 images and 3 perturbations"):
        perturb(digits, [Perturbation()] * 3)
    assert perturb(digits[:0], Perturbation(turn=10, noise=0.1)).shape == (0, 28, 28)


def test_every_field_has_a_kind_whose_levels_ascend_through_neutral():
    neutral = Perturbation()
    assert list(KINDS) == list(vars(neutral))
    for key, kind in KINDS.items():
        assert kind.neutral == getattr(neutral, key)
        assert (kind.levels[0], kind.levels[-1]) == (kind.low, kind.high)
        assert all(low < high for low, high in pairwise(kind.levels))
        for values in (kind.levels, kind.values(13)):
            assert kind.neutral in values


def test_values_have_a_sign_and_a_unit():
    said = [KINDS[key].text(value) for key, value in (("right", 2.0), ("turn", -30.0), ("size", 1.25), ("noise", 0.35))]
    assert said == ["+2 px", "−30°", "1.25×", "35%"]
    assert [KINDS["stroke"].text(value) for value in (0.0, 0.375)] == ["0 px", "+0.4 px"]
