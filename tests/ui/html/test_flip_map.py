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
    """Return a map with a 4 surrounded by 9s."""
    digits = np.full((5, 5), 9)
    digits[1:4, 2] = digits[2, 2:] = 4
    return flips(digits)


def test_every_cell_shows_its_prediction_and_describes_it(island):
    html = flip_map.flip_grid(island, Perturbation(), 4)
    cells = re.findall(r'<span class="(right|other)"[^>]*title="([^"]+)">(\d)</span>', html)
    assert len(cells) == 25
    assert [digit for kind, _, digit in cells if kind == "right"] == ["4"] * 5
    assert {digit for kind, _, digit in cells if kind == "other"} == {"9"}
    assert cells[0][1] == "Shift right −8 px, shift down −8 px: 9, 90.0%"
    assert cells[1][1].startswith("Shift right −4 px, shift down −8 px")


def test_a_frame_surrounds_the_cells_next_to_the_sliders_values(island):
    def framed(here: Perturbation) -> tuple[str, ...]:
        html = flip_map.flip_grid(island, here, 4)
        return re.search(r"--x:(\d);--y:(\d);--w:(\d);--h:(\d)", html).groups()

    assert framed(Perturbation()) == ("2", "2", "1", "1")
    assert framed(Perturbation(right=-8, down=8)) == ("0", "4", "1", "1")
    assert framed(Perturbation(right=1, down=-4)) == ("2", "1", "2", "1")
    assert framed(Perturbation(right=-5, down=7)) == ("0", "3", "2", "2")


def test_a_map_is_described_in_words(island):
    words = flip_map.describe_flips(island, 4)
    assert words == (
        "Predicted as 4 in 5 of 25 cells. "
        "Shift right alone leaves it unchanged from 0 px to +8 px; "
        "shift down alone leaves it unchanged from −4 px to +4 px."
    )
    assert flip_map.describe_flips(island, 7) == "No shift makes it a 7; unperturbed, it is predicted as 4."
    assert "shift down alone never changes it" in flip_map.describe_flips(flips(np.ones((5, 5))), 1)


def test_an_immediate_change_is_described():
    digits = np.zeros((13, 13))
    digits[:, 0] = 1
    words = flip_map.describe_flips(flips(digits, "noise", "size"), 1)
    assert "Noise alone changes it immediately" in words


def test_axes_name_their_ends_and_the_neutral_value(island):
    html = flip_map.flip_grid(island, Perturbation(), 4)
    assert re.findall(r"--at:(\d)[^>]*>([^<]+)<", html) == 2 * [("0", "−8 px"), ("2", "0 px"), ("4", "+8 px")]
    noise = flip_map.flip_grid(flips(np.ones((13, 13)), "stroke", "noise"), Perturbation(), 1)
    down, across = noise.split('class="ticks across"')
    assert re.findall(r"--at:\d+[^>]*>([^<]+)<", down) == ["0%", "40%"]
    assert re.findall(r"--at:\d+[^>]*>([^<]+)<", across) == ["−1.5 px", "0 px", "+3 px"]


def test_the_summary_names_the_weakest_kind():
    said = flip_map.summary(made_curves(turn=[0.25] + [0.8] * 8), "the first 10 validation digits")
    assert said.startswith("Accuracy on the first 10 validation digits, ")
    assert "Unperturbed: 80.0%. Weakest point: turning, 25.0% at −60°" in said
    falling = np.linspace(0.9, 0.2, 9).tolist()
    said = flip_map.summary(made_curves(noise=falling, turn=[0.1] + [0.9] * 8), "digits")
    assert "Unperturbed: 90.0%. Weakest point: noise, 20.0% at 40%" in said, "the kind with the lowest mean"
