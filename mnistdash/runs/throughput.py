"""Training speed on this machine, recorded by finished runs, and the time that a run will take."""

import contextlib
import json
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnistdash.runs.config import RunConfig
from mnistdash.runs.recipes import RECIPES, Recipe
from mnistdash.system.atomic import atomic_write_json

FILE_NAME = "throughput.json"

# Training images per second with each recipe's own batch size and optimizer, without augmentation, on two cores of an
# AMD EPYC server processor. The flagship's is an estimate, as it is always trained with augmentation; the others were
# measured (benchmarks/training.py).
REFERENCE_SPEEDS = {
    "express": 20_000,
    "flagship": 450,
    "keras-cnn": 5_000,
    "tutorial-cnn": 6_000,
    "dropout-cnn": 5_000,
    "softmax": 400_000,
    "softmax-naive": 250_000,
}
AUGMENTATION_TIME = 0.0002  # seconds per image on the same machine, an estimate
PREDICTION_COST = 1 / 3  # of a training step: the forward pass without the backward pass
AUGMENTED_IMAGES, NON_DIGIT_IMAGES = 0.62, 0.15  # made for each digit, by `training.dataset`


class ThroughputCache:
    """Speeds and precisions that were measured on this machine, in a file of the user's cache folder.

    Args:
        cache: the folder; if it cannot be written to, nothing is recorded.
    """

    def __init__(self, cache: Path):
        self._path = cache / FILE_NAME

    def precision(self, config: RunConfig) -> str | None:
        """Return the precision that "auto" stands for in such runs, or None if it was not measured yet."""
        entry = self._read().get(_key(config, "auto"))
        return entry if isinstance(entry, str) else None

    def images_per_second(self, config: RunConfig) -> float | None:
        """Return the training speed of the last such run, or None."""
        precision = self.precision(config) if config.precision == "auto" else config.precision
        entry = self._read().get(_key(config, precision))
        return entry if isinstance(entry, float) and entry > 0 else None

    def record_precision(self, config: RunConfig, precision: str) -> None:
        """Record the precision that "auto" stands for in such runs."""
        self._write(_key(config, "auto"), precision)

    def record_speed(self, config: RunConfig, events: Sequence[dict[str, Any]]) -> None:
        """Record the speed of a finished run.

        Args:
            config: its settings, with the precision that it was trained in.
            events: as `events.read_events` returns them.
        """
        speeds = [event["images_per_second"] for event in events if event["event"] == "batch"]
        if len(speeds) > 1:  # the first one includes building the graph
            self._write(_key(config, config.precision), statistics.median(speeds[1:]))

    def _read(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _write(self, key: str, entry: str | float) -> None:
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_json(self._path, {**self._read(), key: entry})


def reference_speed(config: RunConfig) -> float:
    """Return the training images per second of a run on a 2-core machine."""
    recipe = config.effective_recipe(RECIPES[config.recipe])
    return 1 / (1 / REFERENCE_SPEEDS[recipe.name] + recipe.augmentation * AUGMENTATION_TIME)


def training_seconds(config: RunConfig, images_per_second: float, digits: int, validation: int) -> float:
    """Estimate the seconds from a run's first step to its last validation.

    Args:
        config: settings of the run.
        images_per_second: training speed.
        digits: number of digits that it trains on.
        validation: number of images predicted after each epoch.
    """
    images = digits * images_per_digit(config.effective_recipe(RECIPES[config.recipe]))
    epochs = config.epochs or (config.steps or 0) * config.batch_size / images
    return epochs * (images + PREDICTION_COST * validation) / images_per_second


def images_per_digit(recipe: Recipe) -> float:
    """Return the number of training images per digit, including those that are made."""
    return 1 + AUGMENTED_IMAGES * recipe.augmentation + NON_DIGIT_IMAGES * recipe.rejects_non_digits


def _key(config: RunConfig, precision: str | None) -> str:
    """Return the key of an entry: all that a speed depends on."""
    recipe = config.effective_recipe(RECIPES[config.recipe])
    augmentation = "augmented" if recipe.augmentation else "plain"
    # Several machines may share the cache folder.
    return f"{platform.node()} {recipe.name} {config.batch_size} {recipe.optimizer} {augmentation} {precision}"
