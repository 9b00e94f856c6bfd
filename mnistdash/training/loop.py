"""Trains one run: fits, exports and scores the model.

Runs in a process of its own (`python -m mnistdash train`).
"""

import hashlib
import math
import platform
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mnistdash.data.mnist import Dataset
from mnistdash.evaluation import metrics
from mnistdash.inference.model import Model
from mnistdash.runs.archive import WEIGHTS, read_weights
from mnistdash.runs.config import RunConfig
from mnistdash.runs.events import EventWriter
from mnistdash.runs.recipes import RECIPES, Recipe
from mnistdash.runs.store import CARD, KERAS, TFLITE, Card, TrainingError
from mnistdash.system.atomic import write_json
from mnistdash.system.resources import ROOMY, available_memory
from mnistdash.training import export, losses, memory, networks, optimizers
from mnistdash.training.callbacks import Plan, Reporter
from mnistdash.training.dataset import make
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
    recipe = config.adjusted(RECIPES[config.recipe])
    fitted = _fit(config, recipe, folder, dataset, writer, stop)
    if fitted is None:
        return None
    # Exporting needs memory, too: first give back what fitting took.
    keras.backend.clear_session()
    memory.give_back()
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
    training = make(dataset, recipe, config.limit, config.seed)
    memory.give_back()
    plan = Plan.of(config, len(training))
    network, model = compiled(config, recipe, plan)
    if config.start is not None:
        _start_from(network, folder.parent / config.start)
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
    reporter = Reporter(network, recipe, plan, config.batch_size, dataset.validation, folder, writer, stop, log)
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


def rebuild(folder: Path, config: RunConfig, was: Card, dataset: Dataset) -> Card:
    """Make a run's model anew from its recipe and its weights, and score it.

    Args:
        folder: of the run.
        config: its settings.
        was: what it is said to have reached; the new card says what it does reach.
        dataset: to calibrate and score on.

    Raises:
        TrainingError: the weights do not fit the recipe.
    """
    network = networks.build(config.adjusted(RECIPES[config.recipe]))
    _start_from(network, folder)
    return finish(network, config, folder, dataset, was.status, was.best_epoch, was.seconds)


def finish(
    network: keras.Model,
    config: RunConfig,
    folder: Path,
    dataset: Dataset,
    status: str,
    best_epoch: int,
    seconds: float,
) -> Card:
    """Calibrate, export and score a trained network, and write the run's card."""
    seen = config.sees_validation(len(dataset.train))
    recipe = replace(config.adjusted(RECIPES[config.recipe]), trains_on_validation=seen)
    temperature = export.temperature(network, recipe, dataset.validation)
    memory.give_back()
    export.export(network, folder, temperature, recipe.quantised)
    memory.give_back()
    # Scored as exported, through the path that the pages take.
    exported = Model(folder / TFLITE, config.name)
    validation, test = (metrics.evaluate(exported, split) for split in (dataset.validation, dataset.test))
    content = (folder / TFLITE).read_bytes()
    card = Card(
        name=config.name,
        recipe=config.recipe,
        status=status,
        data=dataset.name,
        parameters=network.count_params(),
        bytes=len(content),
        best_epoch=best_epoch,
        validation_accuracy=round(validation.accuracy, 6),
        validation_loss=round(validation.loss, 6),
        validation_seen=seen,
        test_accuracy=round(test.accuracy, 6),
        test_loss=round(test.loss, 6),
        precision=config.precision,
        seconds=round(seconds, 1),
        versions={"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__},
        sha256=hashlib.sha256(content).hexdigest(),
    )
    write_json(folder / CARD, asdict(card))
    return card


def compiled(config: RunConfig, recipe: Recipe, plan: Plan) -> tuple[keras.Model, keras.Model]:
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


def _start_from(network: keras.Model, run: Path) -> None:
    try:
        weights = run / WEIGHTS
        # Runs from before weights were kept by themselves have them in their model only.
        kept = read_weights(weights) if weights.is_file() else export.trained_weights(run / KERAS)
        network.set_weights(kept)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TrainingError(f"The weights of {run.name} do not fit this recipe, are damaged, or are gone.") from error
