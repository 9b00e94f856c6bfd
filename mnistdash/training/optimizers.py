"""Optimizers and learning-rate schedules by name, as recipes call them."""

import math
import weakref

import keras
import tensorflow as tf
from keras import ops

from mnistdash.runs import schedules
from mnistdash.runs.config import RunConfig
from mnistdash.runs.recipes import Recipe

_KINDS = {
    "sgd": keras.optimizers.SGD,
    "nesterov": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "adadelta": keras.optimizers.Adadelta,
}


def build(recipe: Recipe, config: RunConfig, steps: int) -> keras.optimizers.Optimizer:
    """A run's optimizer with its learning rate's schedule.

    Args:
        recipe: as the run follows it.
        config: of the run.
        steps: of the run, over which the schedule goes.
    """
    chosen = _KINDS[recipe.optimizer](_learning_rate(recipe.schedule, config.learning_rate, steps))
    # Small gradients vanish in float16, unless the loss is scaled up.
    return keras.optimizers.LossScaleOptimizer(chosen) if config.precision == "float16" else chosen


def _learning_rate(schedule: str, peak: float, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    rise = schedules.warmup(schedule, steps)
    if schedule == "cosine":
        return Cosine(peak, rise, steps)
    return OneCycle(peak, rise, steps) if schedule == "one-cycle" else peak


class _Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is part of a graph once, however often it is asked for.

    AdamW asks once for each weight; computed anew each time, it were a quarter of the flagship's graph.

    Args:
        peak: the largest learning rate.
        rise: steps until the peak.
        steps: of the whole run.
    """

    def __init__(self, peak: float, rise: int, steps: int):
        self.peak, self.rise, self.steps = peak, rise, steps
        self._known = weakref.WeakKeyDictionary()  # graph -> reference to its tensor

    def __call__(self, step):
        if tf.executing_eagerly():
            return self._at(ops.cast(step, "float32"))
        graph = tf.compat.v1.get_default_graph()
        rate = self._known[graph]() if graph in self._known else None
        if rate is None:
            rate = self._at(ops.cast(step, "float32"))
            self._known[graph] = weakref.ref(rate)
        return rate

    def _at(self, step):
        raise NotImplementedError

    def get_config(self) -> dict:
        return {"peak": self.peak, "rise": self.rise, "steps": self.steps}


class Cosine(_Schedule):
    """Straight up to the peak, then down to zero as half a cosine: what Keras' CosineDecay does, without branches."""

    def _at(self, step):
        fallen = ops.clip((step - self.rise) / max(1, self.steps - self.rise), 0.0, 1.0)
        return self.peak * ops.where(step < self.rise, step / self.rise, 0.5 * (1.0 + ops.cos(math.pi * fallen)))


class OneCycle(_Schedule):
    """Straight up to the peak, then straight down to zero.

    Source: after L. Smith and N. Topin, "Super-Convergence", 2018, whose fall ends in a slower part.
    """

    def _at(self, step):
        down = (self.steps - step) / max(1, self.steps - self.rise)
        return self.peak * ops.clip(ops.minimum(step / self.rise, down), 0.0, 1.0)
