"""Accuracy over perturbations, made up."""

from mnistdash.evaluation.perturbations import KINDS
from mnistdash.evaluation.robustness import RobustnessCurves


def made_curves(**accuracy: list[float]) -> RobustnessCurves:
    levels = {key: kind.levels for key, kind in KINDS.items()}
    return RobustnessCurves(10, levels, {key: accuracy.get(key, [0.9] * len(values)) for key, values in levels.items()})
