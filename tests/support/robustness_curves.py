"""Made-up robustness curves."""

import numpy as np

from mnistdash.evaluation.perturbations import KINDS
from mnistdash.evaluation.robustness import Curves


def made_curves(**accuracy: list[float]) -> Curves:
    """Return curves with the given accuracies, and 0.9 for all other perturbations."""
    return {key: np.array(accuracy.get(key, [0.9] * len(kind.levels))) for key, kind in KINDS.items()}
