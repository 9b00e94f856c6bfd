import numpy as np
import pytest

from mnistdash.synthesis import handwriting_styles
from mnistdash.synthesis.pen import draw_strokes


def pen(lines: list[list[tuple[float, float]]]) -> np.ndarray:
    """Draw lines at the size of MNIST: (28, 28) uint8."""
    return np.round(255 * draw_strokes([np.array(line) for line in lines], 2.5, 28)).astype(np.uint8)


ONE = pen([[(15, 5), (13, 23)]])
SEVEN = pen([[(8, 6), (19, 6), (12, 23)]])
OPEN_FOUR = pen([[(9, 5), (8, 14), (19, 14)], [(18, 4), (17, 23)]])
NINE = pen([[(17, 9), (13, 5), (10, 9), (13, 13), (17, 9), (16, 23)]])
ZERO = pen([[(14, 4), (8, 10), (8, 18), (14, 24), (20, 18), (20, 10), (14, 4)]])
DIGITS = {0: ZERO, 1: ONE, 4: OPEN_FOUR, 7: SEVEN, 9: NINE}


@pytest.mark.parametrize("label", handwriting_styles.SHARES)
def test_restyled_digit_differs_and_fits_the_box_of_mnist(label):
    rng = np.random.default_rng(0)
    for _ in range(20):
        restyled = handwriting_styles.restyle(DIGITS[label], label, rng)
        assert restyled.shape == (28, 28)
        assert restyled.dtype == np.uint8
        rows, columns = np.flatnonzero(restyled.any(1)), np.flatnonzero(restyled.any(0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert np.abs(restyled.astype(int) - DIGITS[label]).mean() > 2


def test_ones_become_wider_and_sevens_gain_foreground():
    rng = np.random.default_rng(1)
    width = np.mean([np.ptp(np.flatnonzero(handwriting_styles.restyle(ONE, 1, rng).any(0))) for _ in range(20)])
    assert width > 1.5 * np.ptp(np.flatnonzero(ONE.any(0)))
    assert np.mean([handwriting_styles.restyle(SEVEN, 7, rng).sum() for _ in range(20)]) > 1.1 * SEVEN.sum()


def test_open_four_loses_the_top_of_its_stem_and_other_shapes_are_unchanged():
    rng = np.random.default_rng(2)
    assert all(
        handwriting_styles.restyle(OPEN_FOUR, 4, rng)[:8, 15:].sum() < OPEN_FOUR[:8, 15:].sum() for _ in range(20)
    )
    line = pen([[(14, 4), (14, 23)]])
    first, second = (handwriting_styles.restyle(line, 4, rng) for _ in "ab")
    assert np.array_equal(first, second)


def test_share_of_some_digits_is_copied_and_the_originals_are_unchanged():
    labels = np.tile(np.array([0, 1, 2, 4, 7, 9], np.uint8), 50)
    images = np.stack([DIGITS.get(int(label), ZERO) for label in labels])
    before = images.copy()
    copies, copied = handwriting_styles.restyle_digits(images, labels, 0)
    assert len(copies) == len(copied)
    assert np.array_equal(images, before)
    assert set(copied) == set(handwriting_styles.SHARES)
    for label, share in handwriting_styles.SHARES.items():
        assert abs((copied == label).mean() * len(copied) / 50 - share) < 0.2
    assert np.array_equal(handwriting_styles.restyle_digits(images, labels, 0)[0], copies)


def test_no_copies_without_a_matching_digit():
    copies, copied = handwriting_styles.restyle_digits(np.stack([ZERO] * 3), np.array([2, 3, 5], np.uint8), 0)
    assert copies.shape == (0, 28, 28)
    assert copied.shape == (0,)
