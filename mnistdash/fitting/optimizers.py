"""Optimizers and learning-rate schedules by name, as recipes call them."""

import keras
from keras import ops

from mnistdash import schedules
from mnistdash.configs import RunConfig
from mnistdash.recipes import Recipe

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
    rise = schedules.rise(schedule, steps)
    if schedule == "cosine":
        fall = max(1, steps - rise)
        return keras.optimizers.schedules.CosineDecay(0.0, fall, warmup_target=peak, warmup_steps=rise)
    return OneCycle(peak, rise, steps) if schedule == "one-cycle" else peak


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Straight up to the peak, then straight down to zero.

    Source: after L. Smith and N. Topin, "Super-Convergence", 2018, whose fall ends in a slower part.

    Args:
        peak: the largest learning rate.
        rise: steps until the peak.
        steps: of the whole run.
    """

    def __init__(self, peak: float, rise: int, steps: int):
        self.peak, self.rise, self.steps = peak, rise, steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        down = (self.steps - step) / max(1, self.steps - self.rise)
        return self.peak * ops.clip(ops.minimum(step / self.rise, down), 0.0, 1.0)

    def get_config(self) -> dict:
        return {"peak": self.peak, "rise": self.rise, "steps": self.steps}
