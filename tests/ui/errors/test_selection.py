import numpy as np
import pytest

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.ui.errors.gallery import select_digits
from mnistdash.ui.errors.query_state import QueryState


@pytest.fixture
def result():
    """Return six digits, of which three are misclassified: a 2 as 3, a 7 as 1 and a 2 as 1, by index."""
    labels = np.array([1, 2, 2, 7, 7, 2], np.uint8)
    predicted, confidence = [1, 3, 2, 1, 7, 1], [0.4, 0.9, 0.99, 0.5, 0.8, 0.6]
    probabilities = np.full((6, 10), 0.0, np.float32)
    probabilities[np.arange(6), predicted] = confidence
    rest = 1 - np.array(confidence)
    probabilities[np.arange(6), [0, 2, 0, 7, 0, 9]] = 0.6 * rest
    probabilities[np.arange(6), 8] = 0.4 * rest
    return Evaluation(labels, probabilities)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (QueryState(), [1, 5, 3]),
        (QueryState(sort="least-confident"), [3, 5, 1]),
        (QueryState(sort="loss"), [5, 1, 3]),
        (QueryState(sort="margin"), [3, 5, 1]),
        (QueryState(sort="position"), [1, 3, 5]),
        (QueryState(show="correct"), [0, 4, 2]),
        (QueryState(show="all", sort="true"), [0, 1, 2, 5, 3, 4]),
        (QueryState(true=2), [1, 5]),
        (QueryState(predicted=1), [5, 3]),
        (QueryState(true=2, predicted=1), [5]),
        (QueryState(true=4), []),
        (QueryState(show="marked", sort="position"), [2, 3]),
        (QueryState(show="marked", true=7), [3]),
    ],
)
def test_digits_are_filtered_and_sorted(result, query, expected):
    assert select_digits(result, query, {2, 3}).tolist() == expected
