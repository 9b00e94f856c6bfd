"""Optimizers with learning-rate schedules, by the names that recipes use."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from mnistdash.runs.config import RunConfig
from mnistdash.runs.recipes import Recipe
from mnistdash.runs.schedules import learning_rates

MAX_TABLE_SIZE = 1_000_000  # learning rates; longer runs use each of them for several steps

_OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "nesterov": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "adadelta": keras.optimizers.Adadelta,
}


def build(recipe: Recipe, config: RunConfig, steps: int) -> keras.optimizers.Optimizer:
    """Build a run's optimizer.

    Args:
        recipe: the recipe with the run's settings applied.
        config: settings of the run.
        steps: steps of the run, over which the learning-rate schedule extends.
    """
    constant = recipe.schedule == "constant"
    rate = config.learning_rate if constant else TableSchedule(recipe.schedule, config.learning_rate, steps)
    optimizer = _OPTIMIZERS[recipe.optimizer](rate)
    # Small gradients underflow in float16 unless the loss is scaled up.
    return keras.optimizers.LossScaleOptimizer(optimizer) if config.precision == "float16" else optimizer


class TableSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for each step, looked up in a table.

    Args:
        schedule: one of `schedules.SCHEDULES`.
        peak: largest learning rate.
        steps: steps of the whole run.
    """

    def __init__(self, schedule: str, peak: float, steps: int):
        self._stride = math.ceil((steps + 1) / MAX_TABLE_SIZE)
        at = np.arange(0, steps + 1, self._stride)
        self._table = ops.convert_to_tensor(learning_rates(schedule, peak, steps, at), "float32")

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        return ops.take(self._table, ops.minimum(step // self._stride, len(self._table) - 1))
