import numpy as np
import pytest

from mnistdash.synthesis import non_digits


def test_they_are_as_mnist_would_show_them_and_a_seed_repeats_them(sample):
    made = non_digits.make_non_digits(sample.train, 60, seed=1)
    assert made.shape == (60, 28, 28)
    assert made.dtype == np.uint8
    for image in made:
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    assert len({image.tobytes() for image in made}) == 60
    assert np.array_equal(non_digits.make_non_digits(sample.train, 60, seed=1), made)
    assert not np.array_equal(non_digits.make_non_digits(sample.train, 60, seed=2), made)


def test_no_letter_that_a_digit_looks_like():
    assert not set("OoIlSsZzbqgiG") & set(non_digits.LETTERS)


@pytest.mark.parametrize("text", [*non_digits.LETTERS.values(), *non_digits.SHAPES.values()])
def test_every_glyph_can_be_drawn_and_fits_its_sheet(text):
    drawn = non_digits.glyph(text, np.random.default_rng(0))
    assert drawn.max() == 1
    border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert not border.any()


def test_the_shares_of_the_kinds_add_up():
    assert sum(share for _, share in non_digits.KINDS) == pytest.approx(1)


@pytest.mark.parametrize("labels", [non_digits.MIRRORED, non_digits.TURNED], ids=["mirrored", "turned"])
def test_digits_that_stay_digits_are_neither_mirrored_nor_turned(labels):
    assert not {0, 1, 8} & set(labels)
