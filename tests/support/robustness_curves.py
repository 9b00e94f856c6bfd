"""Accuracy over perturbations, made up."""

from mnistdash.evaluation.perturbations import KINDS
from mnistdash.evaluation.robustness import Curves


def made_curves(**accuracy: list[float]) -> Curves:
    levels = {key: kind.levels for key, kind in KINDS.items()}
    return Curves(10, levels, {key: accuracy.get(key, [0.9] * len(values)) for key, values in levels.items()})
