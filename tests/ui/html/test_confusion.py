import re

import numpy as np
import pytest

from mnistdash.evaluation import occlusion
from mnistdash.ui.html import confusion

CONFUSION = np.diag(np.full(10, 90)) + 0
CONFUSION[4, 9] = 10
CONFUSION[7, 2] = 1
CONFUSION[8] = 0


def cell(html: str, pick: str) -> str:
    return re.search(rf'<button[^>]*data-pick="{pick}".*?</button>', html).group()


def text(button: str) -> str:
    return re.sub("<[^>]+>", "", button)


def test_cells_show_and_describe_counts():
    html = confusion.confusion_matrix(CONFUSION, None, None)
    assert html.count("<button") == 120, "100 cells, 10 row and 10 column headers"
    assert text(cell(html, "4,9")) == "10"
    assert text(cell(html, "4,4")) == "90"
    assert text(cell(html, "4,8")) == ""
    assert 'aria-label="10 of 100: a 4 predicted as 9"' in cell(html, "4,9")
    assert 'aria-label="True digit 4"' in cell(html, "4,")
    assert 'aria-label="Predicted as 9"' in cell(html, ",9")


def test_shares_are_relative_to_the_row():
    html = confusion.confusion_matrix(CONFUSION, None, None, shares=True)
    assert text(cell(html, "4,9")) == "10%"
    assert text(cell(html, "7,2")) == "1.1%"
    assert text(cell(html, "8,8")) == "", "row without digits"


def test_the_diagonal_can_be_hidden_and_more_errors_have_stronger_colors():
    html = confusion.confusion_matrix(CONFUSION, None, None, diagonal=False)
    assert text(cell(html, "4,4")) == ""
    assert text(cell(html, "4,9")) == "10"

    def heat(pick: str) -> int:
        return int(re.search(r"--heat: (\d+)%", cell(html, pick)).group(1))

    assert heat("4,9") > heat("7,2") > 0
    assert "--heat" not in cell(html, "4,4")


@pytest.mark.parametrize(
    ("true", "predicted", "pressed"),
    [(4, 9, "4,9"), (4, None, "4,"), (None, 9, ",9"), (4, 4, "4,4"), (None, None, None)],
)
def test_the_selected_part_is_pressed(true, predicted, pressed):
    html = confusion.confusion_matrix(CONFUSION, true, predicted)
    assert re.findall(r'data-pick="([^"]*)"[^>]*aria-pressed="true"', html) == ([pressed] if pressed else [])


def test_evidence_is_warm_for_and_cold_against():
    image = np.full((28, 28), 200, np.uint8)
    evidence = np.zeros((28, 28), np.float32)
    evidence[0, 0], evidence[27, 27] = 2, -2
    made = confusion.evidence_picture(image, evidence, 2.0)
    assert made.shape == (28, 28, 3)
    assert made.dtype == np.uint8
    assert made[0, 0, 0] > made[0, 0, 2], "evidence for: red exceeds blue"
    assert made[27, 27, 2] > made[27, 27, 0]
    assert len(set(made[14, 14].tolist())) == 1, "no evidence: gray"
    assert 0 < made[14, 14, 0] < 200


def test_without_evidence_the_digit_is_gray():
    image = np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)
    nothing = occlusion.occlusion_map(lambda images: np.full((len(images), 10), 0.1), image)[0]
    made = confusion.evidence_picture(image, nothing, 0.0)
    assert np.array_equal(made[..., 0], made[..., 2])
