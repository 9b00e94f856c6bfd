import re

import numpy as np
import pytest
from robustness_curves import made_curves

from mnistdash.evaluation.perturbations import KINDS, Perturbation
from mnistdash.evaluation.robustness import FlipMap
from mnistdash.ui.html import flip_map


def flips(digits: np.ndarray, across: str = "right", down: str = "down") -> FlipMap:
    cells = len(digits)
    return FlipMap(
        KINDS[across],
        KINDS[down],
        KINDS[across].values(cells),
        KINDS[down].values(cells),
        digits.astype(np.uint8),
        np.full(digits.shape, 0.9, np.float32),
    )


@pytest.fixture
def island() -> FlipMap:
    """A 4 in the middle of 9s."""
    digits = np.full((5, 5), 9)
    digits[1:4, 2] = digits[2, 2:] = 4
    return flips(digits)


def test_every_cell_shows_its_digit_and_what_it_stands_for(island):
    html = flip_map.flip_grid(island, Perturbation(), 4)
    cells = re.findall(r'<span class="(right|other)"[^>]*title="([^"]+)">(\d)</span>', html)
    assert len(cells) == 25
    assert [digit for kind, _, digit in cells if kind == "right"] == ["4"] * 5
    assert {digit for kind, _, digit in cells if kind == "other"} == {"9"}
    assert cells[0][1] == "Shift right −8 px, shift down −8 px: 9, 90.0% sure"
    assert cells[1][1].startswith("Shift right −4 px, shift down −8 px")


def test_the_frame_is_around_the_sliders_place_and_around_all_cells_beside_it(island):
    def framed(here: Perturbation) -> tuple[str, ...]:
        html = flip_map.flip_grid(island, here, 4)
        return re.search(r"--x:(\d);--y:(\d);--w:(\d);--h:(\d)", html).groups()

    assert framed(Perturbation()) == ("2", "2", "1", "1")
    assert framed(Perturbation(right=-8, down=8)) == ("0", "4", "1", "1")
    assert framed(Perturbation(right=1, down=-4)) == ("2", "1", "2", "1")
    assert framed(Perturbation(right=-5, down=7)) == ("0", "3", "2", "2")


def test_a_map_is_told_in_words(island):
    words = flip_map.in_words(island, 4)
    assert words == (
        "Read as 4 in 5 of 25 cells. "
        "Shift right alone may go from 0 px to +8 px; shift down alone may go from −4 px to +4 px."
    )
    assert flip_map.in_words(island, 7) == "Read as 7 in 0 of 25 cells; with neither it is read as 4."
    assert "shift down alone never flips it" in flip_map.in_words(flips(np.ones((5, 5))), 1)


def test_a_reading_that_flips_at_once_is_said_to():
    digits = np.zeros((13, 13))
    digits[:, 0] = 1
    words = flip_map.in_words(flips(digits, "noise", "size"), 1)
    assert "Noise flips it at once" in words


def test_axes_name_their_ends_and_the_neutral_value(island):
    html = flip_map.flip_grid(island, Perturbation(), 4)
    assert re.findall(r"--at:(\d)[^>]*>([^<]+)<", html) == 2 * [("0", "−8 px"), ("2", "0 px"), ("4", "+8 px")]
    noise = flip_map.flip_grid(flips(np.ones((13, 13)), "stroke", "noise"), Perturbation(), 1)
    down, across = noise.split('class="ticks across"')
    assert re.findall(r"--at:\d+[^>]*>([^<]+)<", down) == ["0%", "40%"]
    assert re.findall(r"--at:\d+[^>]*>([^<]+)<", across) == ["−1.5 px", "0 px", "+3 px"]


def test_the_summary_names_the_weakest_kind():
    said = flip_map.summary(made_curves(turn=[0.25] + [0.8] * 8), "validation")
    assert "first 10 digits of the validation split" in said
    assert "the weakest point is turning: 25.0% are read right at −60°" in said
