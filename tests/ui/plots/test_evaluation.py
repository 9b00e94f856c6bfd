import numpy as np
import pytest

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.ui.plots import evaluation


@pytest.fixture
def result():
    """A thousand answers that are right as often as they say."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(10, 0.2), 1000).astype(np.float32)
    labels = np.array([random.choice(10, p=row / row.sum()) for row in probabilities.astype(float)], np.uint8)
    return Evaluation(labels, probabilities)


def test_the_reliability_diagram_shows_the_share_read_right(result):
    bars, line = evaluation.reliability_chart(result).data
    last = result.confidence > 14 / 15
    assert bars.y[-1] == pytest.approx((result.predicted == result.labels)[last].mean())
    assert bars.customdata[-1][0] == last.sum()
    assert list(line.x) == list(line.y)


def test_the_refusal_curve_starts_at_the_accuracy_and_rises(result):
    (curve,) = evaluation.refusal_chart({"mine": result}).data
    assert curve.name == "mine"
    assert curve.x[0] == 0
    assert curve.y[0] == pytest.approx(result.accuracy)
    assert curve.y[-1] > curve.y[0]
    assert curve.x[-1] == pytest.approx(evaluation.MOST_REFUSED, abs=0.002)
