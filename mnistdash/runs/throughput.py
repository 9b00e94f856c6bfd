"""How fast this machine trains each recipe, as measured once and kept; what a run will take."""

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from mnistdash.runs.config import RunConfig
from mnistdash.runs.recipes import RECIPES
from mnistdash.system.atomic import atomic_write_json

FILE_NAME = "speeds.json"
GAIN = 1.05  # another precision than float32 must be this much faster to be worth it


@dataclass(frozen=True)
class Throughput:
    """What was measured of a recipe with one batch size.

    Attributes:
        steps: precision -> seconds of an optimizer step.
        reading: seconds to read a validation image.
        making: seconds to make the training images, for each digit trained on.
        made: training images for each digit trained on; more than 1 where copies are added.
    """

    steps: dict[str, float]
    reading: float
    making: float
    made: float

    @property
    def fastest(self) -> str:
        """The precision to train with."""
        best = min(self.steps, key=self.steps.__getitem__)
        plain = self.steps.get("float32")
        return "float32" if plain is not None and plain < GAIN * self.steps[best] else best

    def step(self, precision: str) -> float:
        """Seconds of a step; `precision` may be "auto"."""
        return self.steps.get(precision, self.steps[self.fastest])

    def seconds(self, config: RunConfig, digits: int, validation: int) -> float:
        """What a run will take from its first step to its last, with what comes just before.

        Args:
            config: of the run.
            digits: that it trains on.
            validation: images read after each epoch.
        """
        images = digits * self.made
        per_epoch = -(-images // config.batch_size)
        steps = config.steps or config.epochs * per_epoch
        epochs = -(-steps // per_epoch)
        return digits * self.making + steps * self.step(config.precision) + epochs * validation * self.reading


class ThroughputCache:
    """The measurements of this machine, in a file of the user's cache.

    Args:
        cache: folder of that file.
    """

    def __init__(self, cache: Path):
        self._path = cache / FILE_NAME

    def get(self, config: RunConfig) -> Throughput | None:
        """What is known of such runs on this machine, or None."""
        values = self._read().get(key(config))
        try:
            return Throughput(**values) if values else None
        except TypeError:  # written by another version
            return None

    def put(self, config: RunConfig, speed: Throughput) -> None:
        """Keep a measurement; where the cache cannot be written to, it is only not kept."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_json(self._path, {**self._read(), key(config): asdict(speed)})
        except OSError:
            pass

    def _read(self) -> dict:
        try:
            values = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}


def key(config: RunConfig) -> str:
    """What a measurement depends on."""
    recipe = config.effective_recipe(RECIPES[config.recipe])
    augmentation = "augmented" if recipe.augmentation else "plain"
    # A cache may be on a disk that several machines share.
    return f"{platform.node()} {recipe.name} {config.batch_size} {recipe.optimizer} {augmentation}"
