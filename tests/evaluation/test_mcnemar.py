import numpy as np
import pytest
from scipy.stats import binomtest

from mnistdash.evaluation.mcnemar import PairedComparison, verdict
from mnistdash.evaluation.metrics import Evaluation


def predictions(digits: list[int]) -> Evaluation:
    return Evaluation(np.zeros(len(digits), np.uint8), np.eye(10, dtype=np.float32)[digits])


def test_errors_are_split_by_model():
    comparison = PairedComparison.from_results(predictions([0, 1, 2, 0, 3]), predictions([0, 0, 5, 4, 3]))
    assert comparison.only_first.tolist() == [1]
    assert comparison.only_second.tolist() == [3]
    assert comparison.both.tolist() == [2, 4]


@pytest.mark.parametrize(("one", "other"), [(0, 0), (1, 0), (3, 11), (40, 12), (7, 7), (300, 5_000)])
def test_the_p_value_comes_from_the_exact_test(one, other):
    comparison = PairedComparison(np.arange(one), np.arange(other), np.arange(3))
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert comparison.p_value == pytest.approx(expected, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (0, 0, "A and B misclassify the same digits, so this split cannot tell them apart."),
        (5, 5, "Each misclassifies the same number of digits that the other gets right"),
        (3, 11, "about once in 20 times: the difference may be due to chance."),
        (2, 12, "about once in 80 times: A is better"),
        (12, 2, "about once in 80 times: B is better"),
        (1, 200, "less than once in a million times: A is better"),
        (4, 6, "about 8 times in 10: the difference may be due to chance."),
    ],
)
def test_the_verdict_is_a_plain_sentence(one, other, said):
    text = verdict(PairedComparison(np.arange(one), np.arange(other), np.arange(0)), "A", "B")
    assert said in text
