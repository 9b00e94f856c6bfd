"""Training of one run: fit, export, score."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from mnistdash.data.dataset import Dataset
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig
from mnistdash.runs.events import EventWriter, read_events
from mnistdash.runs.recipes import RECIPES, Recipe
from mnistdash.runs.throughput import ThroughputCache
from mnistdash.training import losses, networks, optimizers
from mnistdash.training.callbacks import RunCallback, StepPlan
from mnistdash.training.dataset import make_training_set
from mnistdash.training.finish import finish, load_start_weights
from mnistdash.training.precision import faster_precision, gpu_precision


def train(
    config: RunConfig,
    folder: Path,
    dataset: Dataset,
    writer: EventWriter,
    stop: threading.Event,
    throughput: ThroughputCache,
) -> Card | None:
    """Train a run until it is finished or `stop` is set, and write its model to its folder.

    Args:
        config: settings of the run.
        folder: of the run.
        dataset: to train, validate and test on.
        writer: for events.
        stop: ends the run after the current steps.
        throughput: knows the faster precision on this machine, or is told of it; records the speed of the run.

    Returns:
        The model's card; None if the run was stopped before its first step.

    Raises:
        TrainingError: the loss became infinite or NaN.
    """
    recipe = config.effective_recipe(RECIPES[config.recipe])
    if recipe.augmentation or recipe.rejects_non_digits:
        writer.write("preparing")
    training = make_training_set(dataset, recipe, config.limit, config.seed)
    examples, batches = len(training), training.batches(config.batch_size, config.seed)
    del training  # TensorFlow has a copy
    plan = StepPlan.from_config(config, examples)
    if config.precision == "auto":
        config = replace(config, precision=_choose_precision(config, recipe, plan, batches, throughput))
    writer.write(
        "fitting",
        steps=plan.steps,
        epochs=plan.epochs,
        batch_size=config.batch_size,
        examples=examples,
        data=dataset.name,
        precision=config.precision,
    )
    keras.utils.set_random_seed(config.seed)
    network, model = compiled(config, recipe, plan)
    if config.start is not None:
        load_start_weights(network, folder.parent / config.start)
    callback = RunCallback(network, config, recipe, plan, dataset.validation, folder, writer, stop)
    if stop.is_set():
        return None
    start = time.monotonic()
    model.fit(
        batches,
        steps_per_epoch=plan.steps_per_epoch,
        epochs=plan.epochs,
        shuffle=False,  # the batches are shuffled
        callbacks=[callback],
        verbose=0,
    )
    seconds = time.monotonic() - start
    best_weights, best_epoch = callback.best_weights, callback.best_epoch
    status = "stopped" if callback.was_stopped else "finished"
    if best_weights is None:
        return None
    del callback, network, model, batches  # leaves more memory for the export
    keras.backend.clear_session()
    network = networks.build(recipe)
    network.set_weights(best_weights)
    card = finish(network, config, folder, dataset, status, best_epoch, seconds)
    throughput.record_speed(config, read_events(folder)[0])
    return card


def _choose_precision(
    config: RunConfig, recipe: Recipe, plan: StepPlan, batches: tf.data.Dataset, throughput: ThroughputCache
) -> str:
    """Return the precision that "auto" stands for."""
    if precision := gpu_precision() or throughput.precision(config):
        return precision
    precision = faster_precision(lambda name: compiled(replace(config, precision=name), recipe, plan)[1], batches)
    throughput.record_precision(config, precision)
    return precision


def compiled(config: RunConfig, recipe: Recipe, plan: StepPlan) -> tuple[keras.Model, keras.Model]:
    """Build a run's network and the compiled model that trains it.

    Args:
        config: settings of the run, with a precision other than "auto".
        recipe: the recipe with these settings applied.
        plan: length of the run.
    """
    network = networks.build(recipe, config.precision)
    model = networks.for_training(network, recipe, config.seed)
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    model.compile(
        optimizers.build(recipe, config, plan.steps),
        losses.build(recipe),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile="auto" if has_gpu else False,  # XLA makes training on a CPU slower
        steps_per_execution=plan.at_once,
    )
    # Otherwise the first step creates variables, and the graph is traced twice.
    model.optimizer.build(model.trainable_variables)
    if plan.at_once > 1 and not has_gpu:
        model.train_function = _multi_step_function(model, plan.at_once)
    return network, model


def _multi_step_function(model: keras.Model, count: int) -> Callable[[Any], dict[str, tf.Tensor]]:
    """Return a function that trains for `count` steps with data from an endless iterator.

    The one of Keras checks before each step whether the data has ended. Without the check, `softmax` trains a third
    faster and the graph is built sooner.
    """

    def run_steps(iterator: Any) -> dict[str, tf.Tensor]:
        def step(done: tf.Tensor, _: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            return done + 1, model.train_step(iterator.get_next())

        logs = {"loss": tf.constant(0.0), "accuracy": tf.constant(0.0)}
        return dict(tf.while_loop(lambda done, _: done < count, step, (tf.constant(0), logs))[1])

    function: Callable[[Any], dict[str, tf.Tensor]] = tf.function(run_steps, autograph=False)
    return function
