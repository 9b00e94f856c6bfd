"""Two models on the same digits: who gets what wrong, and whether the difference can be chance."""

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from mnistdash.evaluation.metrics import Evaluation

LEVEL = 0.05  # a chance below it is called a real difference


@dataclass(frozen=True)
class PairedComparison:
    """Where two models differ.

    Attributes:
        only_first, only_second, both: int64 indices of the digits that only one, or both, get wrong.
    """

    only_first: np.ndarray
    only_second: np.ndarray
    both: np.ndarray

    @classmethod
    def of(cls, first: Evaluation, second: Evaluation) -> "PairedComparison":
        """Compare two models' answers on the same split."""
        wrong, wrong_too = (result.predicted != result.labels for result in (first, second))
        return cls(*(np.flatnonzero(mask) for mask in (wrong & ~wrong_too, wrong_too & ~wrong, wrong & wrong_too)))

    @property
    def chance(self) -> float:
        """How likely so uneven a split is if both are as good: McNemar's exact two-sided p, in [0, 1].

        Source: Q. McNemar, "Note on the sampling error of the difference between correlated
        proportions or percentages", 1947; exact by the binomial distribution.
        """
        one, other = len(self.only_first), len(self.only_second)
        return min(1.0, 2 * float(bdtr(min(one, other), one + other, 0.5))) if one + other else 1.0


def verdict(rivalry: PairedComparison, first: str, second: str) -> str:
    """McNemar's test in plain words.

    Args:
        rivalry: of the two.
        first, second: the models' names.
    """
    one, other = len(rivalry.only_first), len(rivalry.only_second)
    if one + other == 0:
        return f"{first} and {second} get the same digits wrong, so nothing tells them apart here."
    better = first if one < other else second
    if one == other:
        return "Each gets as many digits wrong that the other reads, so this split does not tell which is better."
    often = f"If both were equally good, so uneven a split would come up {_one_in(rivalry.chance)}"
    if rivalry.chance < LEVEL:
        return f"{often}: {better} is better on digits like these."
    return f"{often}: this may well be chance."


def _one_in(chance: float) -> str:
    if chance < 1e-6:
        return "less than once in a million times"
    if chance > 0.4:
        return f"about {10 * chance:.0f} times in 10"
    # To one digit, as more would pretend to a precision that the word "about" denies.
    times = 1 / chance
    power = 10 ** (len(str(int(times))) - 1)
    return f"about once in {round(times / power) * power:,} times"
