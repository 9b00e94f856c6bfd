"""Finish."""

import hashlib
import platform
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import keras
import tensorflow as tf

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation import metrics
from mnistdash.exceptions import TrainingError
from mnistdash.inference.model import Model
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import CARD, KERAS, TFLITE
from mnistdash.runs.weights import WEIGHTS, load_weights
from mnistdash.system.atomic import atomic_write_json
from mnistdash.system.malloc import trim_memory
from mnistdash.training import export, networks


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
    network = networks.build(config.effective_recipe(RECIPES[config.recipe]))
    load_start_weights(network, folder)
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
    recipe = replace(config.effective_recipe(RECIPES[config.recipe]), trains_on_validation=seen)
    temperature = export.temperature(network, recipe, dataset.validation)
    trim_memory()
    export.export_model(network, folder, temperature, recipe.quantised)
    trim_memory()
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
    atomic_write_json(folder / CARD, asdict(card))
    return card


def load_start_weights(network: keras.Model, run: Path) -> None:
    try:
        weights = run / WEIGHTS
        # Runs from before weights were kept by themselves have them in their model only.
        kept = load_weights(weights) if weights.is_file() else export.trained_weights(run / KERAS)
        network.set_weights(kept)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TrainingError(f"The weights of {run.name} do not fit this recipe, are damaged, or are gone.") from error
