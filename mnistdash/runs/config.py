"""The settings of a run: completed from its recipe, and validated."""

import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from mnistdash.exceptions import NameTakenError, RunError
from mnistdash.runs.recipes import OPTIMIZERS, RECIPES, Recipe
from mnistdash.runs.schedules import SCHEDULES
from mnistdash.runs.validation import STRICT_FIELDS, describe, one_of, parse_json

PRECISIONS = ("auto", "float32", "bfloat16")
MAX_DROPOUT = 0.9
MAX_EPOCHS = 1000
MAX_STEPS = 1_000_000
MAX_BATCH_SIZE = 4096  # images
LEARNING_RATE_RANGE = (1e-6, 100.0)
MAX_SEED = 2**31 - 1

# Settings of a recipe that a run can override; both use the same attribute names.
OVERRIDABLE = ("schedule", "optimizer", "augmentation", "dropout", "trains_on_validation")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def _validate_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name[:40]!r} cannot be a run's name: use 1 to 64 lower-case letters, digits, dots, dashes and "
            "underscores, beginning with a letter or digit"
        )
    return name


_Name = Annotated[str, AfterValidator(_validate_name)]


@dataclass(frozen=True, config=STRICT_FIELDS)
class RunConfig:
    """The settings of a run.

    Attributes:
        name: of the run and its folder.
        recipe: key into `RECIPES`; a stored run may name a recipe that no longer exists.
        epochs: passes over the training images, or None if `steps` is given.
        steps: optimizer steps, or None if `epochs` is given.
        batch_size: images per step.
        learning_rate: peak of the schedule.
        seed: of weights, order, dropout and augmentation.
        limit: number of training images; None for all.
        precision: one of PRECISIONS, of the arithmetic (weights stay float32). "auto" picks the fastest on the
            machine that trains.
        created: seconds since 1970.
        start: the run whose weights this one starts from; None for fresh weights.
        starts_seen: those weights may have learned from validation images, which no setting undoes.
        schedule, optimizer, augmentation, dropout, trains_on_validation: as in a recipe; None, as in old runs, for
            the recipe's own value.
        tensorboard: write logs for TensorBoard.
    """

    name: _Name
    recipe: Annotated[str, Field(max_length=64)]
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] | None
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None
    batch_size: Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)]
    learning_rate: Annotated[float, Field(gt=0, le=LEARNING_RATE_RANGE[1])]
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)]
    limit: Annotated[int, Field(ge=1)] | None
    precision: Annotated[str, one_of((*PRECISIONS, "float16"))]  # float16: "auto" on older GPUs
    created: Annotated[float, Field(ge=0)]
    start: _Name | None = None
    starts_seen: bool = False
    schedule: Annotated[str, one_of(SCHEDULES)] | None = None
    optimizer: Annotated[str, one_of(OPTIMIZERS)] | None = None
    augmentation: bool | None = None
    dropout: Annotated[float, Field(ge=0, le=MAX_DROPOUT)] | None = None
    trains_on_validation: bool | None = None
    tensorboard: bool = False

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("a run has either epochs or steps")
        return self

    def effective_recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe with the settings that this run overrides."""
        own = {name: getattr(self, name) for name in OVERRIDABLE}
        return replace(recipe, **{name: value for name, value in own.items() if value is not None})

    def setting(self, name: str) -> Any:
        """Return one of OVERRIDABLE, from the recipe if the run does not override it; None if neither has it."""
        recipe = RECIPES.get(self.recipe)
        return getattr(self if recipe is None else self.effective_recipe(recipe), name)

    def sees_validation(self, training_images: int) -> bool:
        """Return True if the weights learn from validation images; these come last, so a limit may exclude them."""
        reaches_them = self.limit is None or self.limit > training_images
        return self.starts_seen or (bool(self.setting("trains_on_validation")) and reaches_them)


parse_config = partial(parse_json, TypeAdapter(RunConfig))  # (content, source) -> RunConfig


def configure(recipe: Recipe, models: Path, *, name: str | None = None, **settings: Any) -> RunConfig:
    """Complete the settings of a new run from its recipe.

    Args:
        recipe: to follow.
        models: folder of models.
        name: of the run; None for the recipe's name and a number.
        **settings: attributes of RunConfig; None for the recipe's own value.

    Raises:
        RunError: a value is out of range, or the name is taken or invalid.
    """
    if name is not None:
        check_name(name)
        if (models / name).exists():
            raise NameTakenError(name)
    if settings.get("dropout") is not None and recipe.dropout is None:
        raise RunError(f"{recipe.name} has no dropout layer, so dropout cannot be set.")
    inherited = ("epochs", "steps", "batch_size", "learning_rate", *OVERRIDABLE)
    values: dict[str, Any] = {setting: getattr(recipe, setting) for setting in inherited}
    values |= {"seed": 0, "limit": None, "precision": "float32"}
    if settings.get("epochs") is not None:
        values["steps"] = None
    values |= {setting: value for setting, value in settings.items() if value is not None}
    try:
        return RunConfig(
            name=free_name(recipe.name, models) if name is None else name,
            recipe=recipe.name,
            created=time.time(),
            **values,
        )
    except ValidationError as error:
        sentence = describe(error)
        raise RunError(f"{sentence[0].upper()}{sentence[1:]}.") from error


def conflict(config: RunConfig, images: int) -> str | None:
    """Return why valid settings are impossible together, or None.

    Args:
        config: the settings.
        images: number of available training images.
    """
    used = min(images, config.limit or images)
    if config.batch_size > used:
        return (
            f"A batch of {config.batch_size:,} is more than the {used:,} training images: reduce the batch size or use "
            "more images."
        )
    return None


def resume_config(config: RunConfig, models: Path, *, name: str | None = None, **changed: Any) -> RunConfig:
    """Return the settings of a run that continues from another run's weights.

    Args:
        config: of the run to continue.
        models: the folder of both.
        name: of the new run; None for the other's name and a number.
        **changed: settings that differ. By default the epochs are the recipe's, the learning rate is halved, the seed
            is the next one, and all else stays.

    Raises:
        RunError: a value is out of range, or the name is taken or invalid.
    """
    kept = ("batch_size", "limit", "precision", "tensorboard", *OVERRIDABLE)
    settings: dict[str, Any] = {setting: getattr(config, setting) for setting in kept}
    settings["learning_rate"] = max(LEARNING_RATE_RANGE[0], config.learning_rate / 2)
    # The same seed would repeat the same images in the same order.
    settings["seed"] = (config.seed + 1) % (MAX_SEED + 1)
    return configure(
        RECIPES[config.recipe],
        models,
        name=free_name(config.name[:60], models) if name is None else name,
        start=config.name,
        starts_seen=config.starts_seen or bool(config.setting("trains_on_validation")),
        **settings | changed,
    )


def check_name(name: str) -> None:
    """Raise RunError unless `name` can be a run's folder."""
    try:
        _validate_name(name)
    except ValueError as error:
        raise RunError(f"{error}.") from error


def free_name(stem: str, models: Path) -> str:
    """Return the stem with the smallest number that no run has yet."""
    names = (f"{stem}-{number}" for number in range(1, 1_000_000))
    return next(name for name in names if not (models / name).exists())
