"""Made-up robustness curves."""

from mnistdash.evaluation.perturbations import KINDS
from mnistdash.evaluation.robustness import RobustnessCurves


def made_curves(**accuracy: list[float]) -> RobustnessCurves:
    """Return curves with the given accuracies, and 0.9 for all other perturbations."""
    return RobustnessCurves(10, {key: accuracy.get(key, [0.9] * len(kind.levels)) for key, kind in KINDS.items()})
