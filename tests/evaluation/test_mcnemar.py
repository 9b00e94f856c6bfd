import numpy as np
import pytest
from scipy.stats import binomtest

from mnistdash.evaluation.mcnemar import PairedComparison, verdict
from mnistdash.evaluation.metrics import Evaluation


def answers(read: list[int]) -> Evaluation:
    return Evaluation(np.zeros(len(read), np.uint8), np.eye(10, dtype=np.float32)[read])


def test_who_gets_what_wrong():
    rivalry = PairedComparison.of(answers([0, 1, 2, 0, 3]), answers([0, 0, 5, 4, 3]))
    assert rivalry.only_first.tolist() == [1]
    assert rivalry.only_second.tolist() == [3]
    assert rivalry.both.tolist() == [2, 4]


@pytest.mark.parametrize(("one", "other"), [(0, 0), (1, 0), (3, 11), (40, 12), (7, 7), (300, 5_000)])
def test_the_chance_is_that_of_the_exact_test(one, other):
    rivalry = PairedComparison(np.arange(one), np.arange(other), np.arange(3))
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert rivalry.chance == pytest.approx(expected, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (0, 0, "A and B get the same digits wrong, so nothing tells them apart here."),
        (5, 5, "Each gets as many digits wrong that the other reads"),
        (3, 11, "about once in 20 times: this may well be chance."),
        (2, 12, "about once in 80 times: A is better"),
        (12, 2, "about once in 80 times: B is better"),
        (1, 200, "less than once in a million times: A is better"),
        (4, 6, "about 8 times in 10: this may well be chance."),
    ],
)
def test_the_verdict_is_plain(one, other, said):
    text = verdict(PairedComparison(np.arange(one), np.arange(other), np.arange(0)), "A", "B")
    assert said in text
