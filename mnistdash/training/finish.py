"""Last steps of a run: calibrate, export and score the network, and write the run's card."""

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
from mnistdash.runs.run import CARD, KERAS, TFLITE, Run
from mnistdash.runs.weights import WEIGHTS, load_weights
from mnistdash.system.atomic import atomic_write_json
from mnistdash.system.malloc import trim_memory
from mnistdash.training import export, networks


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
    recipe = config.effective_recipe(RECIPES[config.recipe])
    is_fitted = recipe.rejects_non_digits and not seen
    temperature = export.fit_temperature(network, dataset.validation) if is_fitted else recipe.temperature
    trim_memory()
    export.export_model(network, folder, temperature, recipe.quantized)
    trim_memory()
    # Score the exported file with LiteRT, as the pages do.
    model = Model(folder / TFLITE, config.name)
    validation, test = (metrics.evaluate(model, split) for split in (dataset.validation, dataset.test))
    card = Card(
        name=config.name,
        recipe=config.recipe,
        status=status,
        data=dataset.name,
        parameters=network.count_params(),
        bytes=0,
        best_epoch=best_epoch,
        validation_accuracy=round(validation.accuracy, 6),
        validation_loss=round(validation.loss, 6),
        validation_seen=seen,
        test_accuracy=round(test.accuracy, 6),
        test_loss=round(test.loss, 6),
        precision=config.precision,
        seconds=round(seconds, 1),
        versions={"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__},
    )
    return _write_card(card, folder)


def rebuild(folder: Path, config: RunConfig, previous: Card, dataset: Dataset) -> Card:
    """Build a run's model from its recipe and weights, and score it.

    Args:
        folder: of the run.
        config: settings of the run.
        previous: card with the status, best epoch and duration of the run.
        dataset: data to calibrate and score on.

    Raises:
        TrainingError: the weights do not fit the recipe.
    """
    network = networks.build(config.effective_recipe(RECIPES[config.recipe]))
    load_start_weights(network, folder)
    return finish(network, config, folder, dataset, previous.status, previous.best_epoch, previous.seconds)


def export_again(run: Run) -> None:
    """Export the model of an earlier version's run in the current format, from the weights in its model.keras.

    Raises:
        TrainingError: model.keras is missing or damaged.
    """
    try:
        network, temperature = export.load_network(run.folder / KERAS)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise TrainingError(f"{run.name}/{KERAS} is missing or damaged.") from error
    quantized = run.config.recipe in RECIPES and RECIPES[run.config.recipe].quantized
    export.export_model(network, run.folder, temperature, quantized)
    if run.card is not None:
        _write_card(run.card, run.folder)


def load_start_weights(network: keras.Model, run: Path) -> None:
    """Set a network's weights to those of a run.

    Raises:
        TrainingError: they are missing or damaged, or do not fit the network.
    """
    try:
        path = run / WEIGHTS
        # The first runs have their weights in model.keras only.
        weights = load_weights(path) if path.is_file() else export.load_network(run / KERAS)[0].get_weights()
        network.set_weights(weights)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TrainingError(f"The weights of {run.name} do not fit this recipe, or are missing or damaged.") from error


def _write_card(card: Card, folder: Path) -> Card:
    """Write a card with the size and hash of the exported file, and return it."""
    content = (folder / TFLITE).read_bytes()
    card = replace(card, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    atomic_write_json(folder / CARD, asdict(card))
    return card
