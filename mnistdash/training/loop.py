"""Trains one run: fits, exports and scores the model.

Runs in a process of its own (`python -m mnistdash train`).
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mnistdash.data.dataset import Dataset
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig
from mnistdash.runs.events import EventWriter
from mnistdash.runs.recipes import RECIPES, Recipe
from mnistdash.system.resources import ROOMY, available_memory
from mnistdash.training import losses, memory, networks, optimizers
from mnistdash.training.callbacks import RunCallback, StepPlan
from mnistdash.training.dataset import make_training_set
from mnistdash.training.finish import finish, load_start_weights
from mnistdash.training.tensorboard import TensorBoardLog


def train(config: RunConfig, folder: Path, dataset: Dataset, writer: EventWriter, stop: threading.Event) -> Card | None:
    """Train a run to its end, or until `stop` is set, and leave its model in `folder`.

    Args:
        config: its precision is not "auto" any more.
        folder: of the run.
        dataset: what to train, choose and score on.
        writer: takes the events.
        stop: ends the run after the steps at hand.

    Returns:
        The model's card; None where it was stopped before there was anything to keep.

    Raises:
        TrainingError: the loss became something else than a number.
    """
    if config.precision == "auto":
        config = replace(config, precision="float32")
    recipe = config.effective_recipe(RECIPES[config.recipe])
    fitted = _fit(config, recipe, folder, dataset, writer, stop)
    if fitted is None:
        return None
    # Exporting needs memory, too: first give back what fitting took.
    keras.backend.clear_session()
    memory.release_memory()
    best = networks.build(recipe)
    best.set_weights(fitted.weights)
    fitted.weights.clear()
    status = "stopped" if fitted.was_stopped else "finished"
    return finish(best, config, folder, dataset, status, fitted.best_epoch, fitted.seconds)


@dataclass(frozen=True)
class _Fitted:
    """What is left of fitting.

    Attributes:
        weights: of the best epoch.
        best_epoch: counted from 1.
        was_stopped: whether the run was cut short.
        seconds: that it took.
    """

    weights: list[np.ndarray]
    best_epoch: int
    was_stopped: bool
    seconds: float


def _fit(
    config: RunConfig, recipe: Recipe, folder: Path, dataset: Dataset, writer: EventWriter, stop: threading.Event
) -> _Fitted | None:
    """Make the examples and fit a network to them; None where it was stopped before there was anything to keep."""
    keras.utils.set_random_seed(config.seed)
    if recipe.augmentation or recipe.refuses:
        writer.write("preparing")
    training = make_training_set(dataset, recipe, config.limit, config.seed)
    memory.release_memory()
    plan = StepPlan.from_config(config, len(training))
    network, model = compiled(config, recipe, plan)
    if config.start is not None:
        load_start_weights(network, folder.parent / config.start)
    writer.write(
        "fitting",
        steps=plan.steps,
        epochs=plan.epochs,
        batch_size=config.batch_size,
        examples=len(training),
        data=dataset.name,
        precision=config.precision,
    )
    log = TensorBoardLog(folder) if config.tensorboard else None
    reporter = RunCallback(network, recipe, plan, config.batch_size, dataset.validation, folder, writer, stop, log)
    if stop.is_set():
        return None
    began = time.monotonic()
    model.fit(
        training.batches(config.batch_size, config.seed),
        steps_per_epoch=math.ceil(len(training) / config.batch_size),
        epochs=plan.epochs,
        shuffle=False,  # they are
        callbacks=[reporter],
        verbose=0,
    )
    seconds = time.monotonic() - began
    if reporter.best_weights is None:
        return None
    return _Fitted(reporter.best_weights, reporter.best_epoch, reporter.was_stopped, seconds)


def compiled(config: RunConfig, recipe: Recipe, plan: StepPlan) -> tuple[keras.Model, keras.Model]:
    """A run's network with fresh weights, and the model that trains it, ready to be fitted.

    Args:
        config: of the run.
        recipe: as the run follows it.
        plan: how long the learning rate's schedule is, and how many steps are taken at once.
    """
    network = networks.build(recipe, config.precision)
    model = networks.for_training(network, recipe, config.seed, one_by_one=available_memory() < ROOMY)
    # XLA makes training slower on CPUs; on a GPU Keras' own choice stands.
    jit_compile = "auto" if tf.config.list_physical_devices("GPU") else False
    model.compile(
        optimizers.build(recipe, config, plan.steps),
        losses.build(recipe),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=jit_compile,
        steps_per_execution=plan.at_once,
    )
    # A step that has variables to make is traced twice; and both graphs stay.
    model.optimizer.build(model.trainable_variables)
    if plan.at_once > 1 and not jit_compile:
        model.train_function = _at_once(model, plan.at_once)
    return network, model


def _at_once(model: keras.Model, count: int) -> Callable[[tf.data.Iterator], dict[str, tf.Tensor]]:
    """A number of steps in one graph, in place of Keras' own, which looks at each whether there are data for it.

    There are, as `Plan` has it; and without that the graph is built a quarter faster.
    """

    def steps(iterator: tf.data.Iterator) -> dict[str, tf.Tensor]:
        def step(done: tf.Tensor, _: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            return done + 1, model.train_step(iterator.get_next())

        nothing = {"loss": tf.constant(0.0), "accuracy": tf.constant(0.0)}
        return tf.while_loop(lambda done, _: done < count, step, (tf.constant(0), nothing))[1]

    return tf.function(steps, autograph=False)
