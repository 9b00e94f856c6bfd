import numpy as np
import pytest

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.evaluation.perturbations import KINDS
from mnistdash.ui.plots import evaluation


@pytest.fixture
def result():
    """Return a thousand predictions of a calibrated model."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(10, 0.2), 1000).astype(np.float32)
    labels = np.array([random.choice(10, p=row / row.sum()) for row in probabilities.astype(float)], np.uint8)
    return Evaluation(labels, probabilities)


def test_the_reliability_diagram_shows_the_accuracy_of_each_bin(result):
    bars, line = evaluation.reliability_chart(result).data
    last = result.confidence > 14 / 15
    assert bars.y[-1] == pytest.approx((result.predicted == result.labels)[last].mean())
    assert bars.customdata[-1][0] == last.sum()
    assert list(line.x) == list(line.y)


def test_the_selective_prediction_curve_starts_at_the_accuracy_and_rises(result):
    (curve,) = evaluation.selective_prediction_chart("mine", result).data
    assert curve.name == "mine"
    assert curve.x[0] == 0
    assert curve.y[0] == pytest.approx(result.accuracy)
    assert curve.y[-1] > curve.y[0]
    assert curve.x[-1] == pytest.approx(evaluation.MAX_SKIPPED, abs=0.002)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_robustness_chart_has_all_levels_and_ticks_at_the_ends_and_the_neutral_value(kind):
    accuracy = [0.5] * len(kind.levels)
    figure = evaluation.robustness_chart(kind, kind.levels, accuracy)
    curve, line = figure.data
    assert list(curve.x) == kind.levels
    assert list(curve.y) == accuracy
    assert line.x == (kind.neutral, kind.neutral)
    assert {kind.low, kind.neutral, kind.high} <= set(figure.layout.xaxis.tickvals)
    assert figure.layout.xaxis.ticktext[0] == kind.text(kind.low)


def test_an_empty_robustness_chart_has_the_axes_and_the_height_of_a_full_one():
    kind = KINDS["turn"]
    empty = evaluation.robustness_chart(kind, [], [])
    full = evaluation.robustness_chart(kind, kind.levels, [0.9] * len(kind.levels))
    assert not empty.data[0].x
    assert (empty.layout.xaxis.range, empty.layout.yaxis.range) == (full.layout.xaxis.range, full.layout.yaxis.range)
    assert empty.layout.height == full.layout.height


def test_a_robustness_chart_is_described_in_words():
    words = evaluation.describe_robustness(KINDS["turn"], [-60.0, 0.0, 60.0], [0.25, 0.99, 0.125])
    assert words == "Accuracy by turn clockwise: 25.0% at −60°, 99.0% at 0°, 12.5% at +60°"
    noise = evaluation.describe_robustness(KINDS["noise"], [0.0, 0.6], [0.99, 0.5])
    assert noise == "Accuracy by noise: 99.0% at 0%, 50.0% at 60%"
    assert evaluation.describe_robustness(KINDS["noise"], [], []) == "Accuracy by noise: not measured yet"
