import numpy as np
import pytest

from mnistdash.synthesis import non_digits


def test_non_digits_fit_the_box_of_mnist_and_are_reproducible(sample):
    pictures = non_digits.make_non_digits(sample.train, 60, seed=1)
    assert pictures.shape == (60, 28, 28)
    assert pictures.dtype == np.uint8
    for image in pictures:
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    assert len({image.tobytes() for image in pictures}) == 60
    assert np.array_equal(non_digits.make_non_digits(sample.train, 60, seed=1), pictures)
    assert not np.array_equal(non_digits.make_non_digits(sample.train, 60, seed=2), pictures)


def test_no_letter_looks_like_a_digit():
    assert not set("OoIlSsZzbqgiG") & set(non_digits.LETTERS)


@pytest.mark.parametrize("glyph", [*non_digits.LETTERS.values(), *non_digits.SHAPES.values()])
def test_every_glyph_fits_the_drawing(glyph):
    drawn = non_digits.draw_glyph(glyph, np.random.default_rng(0))
    assert drawn.max() == 1
    border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert not border.any()


def test_shares_of_the_kinds_sum_to_one():
    assert sum(share for _, share in non_digits.KINDS) == pytest.approx(1)


@pytest.mark.parametrize("labels", [non_digits.MIRRORED, non_digits.ROTATED], ids=["mirrored", "rotated"])
def test_symmetric_digits_are_not_mirrored_or_rotated(labels):
    assert not {0, 1, 8} & set(labels)
