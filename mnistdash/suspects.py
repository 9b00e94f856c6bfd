"""Which labels of a split look wrong, going by a model that was not fitted to them.

Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021.
"""

from dataclasses import dataclass

import numpy as np

from mnistdash.evaluation import Evaluation


@dataclass(frozen=True)
class Suspects:
    """A split's labels, ranked.

    Attributes:
        ranking: (n,) int64 indices, the most suspicious label first.
        quality: (n,) float64 in [0, 1] for each digit of the split, the lower the more suspicious.
        flagged: how many labels confident learning takes for wrong.
    """

    ranking: np.ndarray
    quality: np.ndarray
    flagged: int


def find(result: Evaluation) -> Suspects:
    """Rank the labels of a split by cleanlab's label quality score."""
    from cleanlab.filter import find_label_issues  # slow to import, and rarely needed
    from cleanlab.rank import get_label_quality_scores

    labels, probabilities = result.labels.astype(int), result.probabilities.astype(np.float64)
    quality = get_label_quality_scores(labels, probabilities, method="self_confidence")
    issues = find_label_issues(labels, probabilities, n_jobs=1)
    return Suspects(np.argsort(quality, kind="stable"), quality, int(issues.sum()))
