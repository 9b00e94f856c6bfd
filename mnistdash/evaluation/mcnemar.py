"""McNemar's test: do two models differ on the same digits by more than chance?"""

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from mnistdash.evaluation.metrics import Evaluation

SIGNIFICANCE = 0.05  # largest p-value called a real difference


@dataclass(frozen=True)
class PairedComparison:
    """The errors of two models on the same split.

    Attributes:
        only_first, only_second, both: int64 indices of the digits that only one model, or both, misclassify.
    """

    only_first: np.ndarray
    only_second: np.ndarray
    both: np.ndarray

    @classmethod
    def from_results(cls, first: Evaluation, second: Evaluation) -> "PairedComparison":
        """Compare the predictions of two models for the same split."""
        wrong1, wrong2 = (result.predicted != result.labels for result in (first, second))
        return cls(*(np.flatnonzero(mask) for mask in (wrong1 & ~wrong2, wrong2 & ~wrong1, wrong1 & wrong2)))

    @property
    def p_value(self) -> float:
        """McNemar's exact two-sided p-value: probability of a difference this large if both are equally good.

        Source: Q. McNemar, "Note on the sampling error of the difference between correlated
        proportions or percentages", 1947; exact by the binomial distribution.
        """
        n1, n2 = len(self.only_first), len(self.only_second)
        return min(1.0, 2 * float(bdtr(min(n1, n2), n1 + n2, 0.5))) if n1 + n2 else 1.0


def verdict(comparison: PairedComparison, first: str, second: str) -> str:
    """Return the outcome of the test in plain words.

    Args:
        comparison: of the two models.
        first, second: their names.
    """
    n1, n2 = len(comparison.only_first), len(comparison.only_second)
    if n1 + n2 == 0:
        return f"{first} and {second} misclassify the same digits, so this split cannot tell them apart."
    if n1 == n2:
        return (
            "Each misclassifies the same number of digits that the other gets right: neither is better on this split."
        )
    better = first if n1 < n2 else second
    odds = f"If both were equally good, a difference this large would occur {_in_words(comparison.p_value)}"
    if comparison.p_value < SIGNIFICANCE:
        return f"{odds}: {better} is better on digits like these."
    return f"{odds}: the difference may be due to chance."


def _in_words(p_value: float) -> str:
    if p_value < 1e-6:
        return "less than once in a million times"
    if p_value > 0.4:
        return f"about {10 * p_value:.0f} times in 10"
    # One significant digit: "about" promises no more.
    times = 1 / p_value
    power = 10 ** (len(str(int(times))) - 1)
    return f"about once in {round(times / power) * power:,} times"
