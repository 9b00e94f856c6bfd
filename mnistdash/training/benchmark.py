"""Measures how fast this machine trains, and in which precision."""

import time
from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from mnistdash.data.dataset import Dataset, Split
from mnistdash.runs.config import RunConfig
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import Throughput, ThroughputCache
from mnistdash.training import export, loop, memory
from mnistdash.training.callbacks import StepPlan
from mnistdash.training.dataset import TrainingSet, make_training_set

DIGITS = 200  # from which training images are made
STEPS = 20  # at most, of different images
IMAGES = 8_192  # at most, of these steps together
LONGEST = 0.6  # seconds of steps for each precision
WARM_UP = 2  # times that are not counted, as the first builds the graph


def precision(config: RunConfig, dataset: Dataset, speeds: ThroughputCache) -> str:
    """What "auto" stands for: the faster on this machine, measured where that is not known yet."""
    if config.precision != "auto":
        return config.precision
    if half := _half_on_gpu():
        return half
    speed = speeds.get(config)
    if speed is None:
        speed = measure(config, dataset)
        speeds.put(config, speed)
    return speed.fastest


def measure(config: RunConfig, dataset: Dataset, cancelled: Callable[[], bool] = lambda: False) -> Throughput | None:
    """Take some steps in each precision.

    Args:
        config: the recipe, batch size, optimizer and augmentation.
        dataset: to take images from.
        cancelled: asked between steps whether to give up.

    Returns:
        What was measured; None where it was given up.
    """
    recipe = config.effective_recipe(RECIPES[config.recipe])
    began = time.perf_counter()
    made = make_training_set(dataset, recipe, DIGITS)
    making = (time.perf_counter() - began) / DIGITS if recipe.augmentation or recipe.refuses else 0.0
    count = config.batch_size * max(WARM_UP + 1, min(STEPS, IMAGES // config.batch_size))
    chosen = np.resize(np.arange(len(made)), count)
    inputs, labels = {name: array[chosen] for name, array in made.inputs.items()}, made.labels[chosen]
    plan = StepPlan.from_config(replace(config, epochs=1, steps=None), count)
    steps = {}
    for name in [_half_on_gpu()] if _half_on_gpu() else ["float32", "bfloat16"]:
        keras.utils.set_random_seed(0)
        _, model = loop.compiled(replace(config, precision=name), recipe, plan)
        timer = _Timer(cancelled)
        model.fit(inputs, labels, batch_size=config.batch_size, epochs=1_000, callbacks=[timer], verbose=0)
        if cancelled():
            return None
        steps[name] = timer.seconds / timer.steps
    reader, first = export.Reader(model), slice(2 * export.BATCH)
    part = TrainingSet.plain(Split(dataset.validation.images[first], dataset.validation.labels[first]))
    reader(part)
    began = time.perf_counter()
    reader(part)
    reading = (time.perf_counter() - began) / len(part)
    del model, reader
    keras.backend.clear_session()
    memory.release_memory()
    return Throughput(steps, reading, making, len(made) / DIGITS)


def _half_on_gpu() -> str | None:
    """The usual half precision of this machine's GPU: bfloat16 since compute capability 8, before it float16."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (8, 0))
    return "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"


class _Timer(keras.callbacks.Callback):
    """Times the steps after the first ones, until they have taken long enough."""

    def __init__(self, cancelled: Callable[[], bool]):
        super().__init__()
        self._cancelled = cancelled
        self._done = 0
        self.seconds, self.steps = 0.0, 0

    def on_train_batch_begin(self, batch, logs=None):
        self._first, self._began = batch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._done += 1
        if self._done > WARM_UP:
            self.seconds += time.perf_counter() - self._began
            self.steps += batch + 1 - self._first
        if self._cancelled() or (self.steps and self.seconds > LONGEST):
            self.model.stop_training = True
