import pytest

from mnistdash.evaluation.perturbations import KINDS
from mnistdash.ui.plots import robustness


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_chart_has_a_point_for_each_level_and_ticks_at_the_ends_and_at_neutral(kind):
    accuracy = [0.5] * len(kind.levels)
    figure = robustness.accuracy_chart(kind, kind.levels, accuracy)
    curve, line = figure.data
    assert list(curve.x) == kind.levels
    assert list(curve.y) == accuracy
    assert line.x == (kind.neutral, kind.neutral)
    assert {kind.low, kind.neutral, kind.high} <= set(figure.layout.xaxis.tickvals)
    assert figure.layout.xaxis.ticktext[0] == kind.text(kind.low)


def test_an_empty_chart_has_the_axes_and_the_height_of_a_full_one():
    kind = KINDS["turn"]
    empty = robustness.accuracy_chart(kind)
    full = robustness.accuracy_chart(kind, kind.levels, [0.9] * len(kind.levels))
    assert not empty.data[0].x
    assert (empty.layout.xaxis.range, empty.layout.yaxis.range) == (full.layout.xaxis.range, full.layout.yaxis.range)
    assert empty.layout.height == full.layout.height


def test_a_chart_is_told_in_words():
    words = robustness.in_words(KINDS["turn"], [-60.0, 0.0, 60.0], [0.25, 0.99, 0.125])
    assert words == "Accuracy by turn clockwise: 25.0% at −60°, 99.0% at 0°, 12.5% at +60°"
    noise = robustness.in_words(KINDS["noise"], [0.0, 0.6], [0.99, 0.5])
    assert noise == "Accuracy by noise: 99.0% at 0%, 50.0% at 60%"
