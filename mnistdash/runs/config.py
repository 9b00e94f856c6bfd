"""What a run is asked to do, filled in from its recipe and checked."""

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from mnistdash.exceptions import NameTakenError, RunError
from mnistdash.runs.recipes import OPTIMIZERS, RECIPES, Recipe
from mnistdash.runs.schedules import SCHEDULES

PRECISIONS = ("auto", "float32", "bfloat16")
MAX_DROPOUT = 0.9
MAX_EPOCHS = 1000
MAX_STEPS = 1_000_000
MAX_BATCH_SIZE = 4096  # images
LEARNING_RATE_RANGE = (1e-6, 100.0)
MAX_SEED = 2**31 - 1

# Settings of a recipe that a run may set otherwise, as they are called in both.
OVERRIDABLE = ("schedule", "optimizer", "augmentation", "dropout", "trains_on_validation")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run trains.

    Attributes:
        name: of the run and its folder.
        recipe: key into `RECIPES`.
        epochs: passes over the training images, or None where `steps` is given.
        steps: optimizer steps, or None where `epochs` is given.
        batch_size: images per step.
        learning_rate: peak of the recipe's schedule.
        seed: of weights, order, dropout and augmentation.
        limit: train on this many images only; None for all.
        precision: one of PRECISIONS, of the arithmetic; weights stay float32. "auto" is the faster on the
            machine that trains.
        created: seconds since 1970.
        start: the run whose weights it begins with; None for fresh ones.
        starts_seen: whether those may have learned from validation images, which no setting undoes.
        schedule, optimizer, dropout, augmentation, trains_on_validation: as in a recipe; None, as in runs that know
            nothing of it, for the recipe's own.
        tensorboard: whether it writes logs for TensorBoard, too.
    """

    name: str
    recipe: str
    epochs: int | None
    steps: int | None
    batch_size: int
    learning_rate: float
    seed: int
    limit: int | None
    precision: str
    created: float
    start: str | None = None
    starts_seen: bool = False
    schedule: str | None = None
    optimizer: str | None = None
    augmentation: bool | None = None
    dropout: float | None = None
    trains_on_validation: bool | None = None
    tensorboard: bool = False

    def effective_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe as this run follows it."""
        own = {name: getattr(self, name) for name in OVERRIDABLE}
        return replace(recipe, **{name: value for name, value in own.items() if value is not None})

    def setting(self, name: str) -> object:
        """One of OWN, which the run may have left to its recipe; None where neither tells."""
        recipe = RECIPES.get(self.recipe)
        return getattr(self if recipe is None else self.effective_recipe(recipe), name)

    def sees_validation(self, training_images: int) -> bool:
        """Whether its weights know validation images: these come last, so that a limit may leave them out."""
        reaches_them = self.limit is None or self.limit > training_images
        return self.starts_seen or (bool(self.setting("trains_on_validation")) and reaches_them)


def configure(
    recipe: Recipe,
    models: Path,
    *,
    name: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    limit: int | None = None,
    precision: str = "float32",
    schedule: str | None = None,
    optimizer: str | None = None,
    augmentation: bool | None = None,
    dropout: float | None = None,
    trains_on_validation: bool | None = None,
    tensorboard: bool = False,
) -> RunConfig:
    """Fill in what is left open from the recipe, and find a free name.

    Raises:
        RunError: a value is out of range, or the name is taken or not a name.
    """
    for label, value, most in (
        ("epochs", epochs, MAX_EPOCHS),
        ("batch size", batch_size, MAX_BATCH_SIZE),
        ("number of images", limit, None),
    ):
        if value is not None and value < 1:
            raise RunError(f"The {label} must be at least 1, not {value}.")
        if value is not None and most is not None and value > most:
            raise RunError(f"The {label} must be at most {most:,}, not {value:,}.")
    if learning_rate is not None and not 0 < learning_rate < float("inf"):
        raise RunError(f"The learning rate must be above 0, not {learning_rate}.")
    if learning_rate is not None and learning_rate > LEARNING_RATE_RANGE[1]:
        raise RunError(f"The learning rate must be at most {LEARNING_RATE_RANGE[1]:g}, not {learning_rate:g}.")
    for label, value, known in (
        ("schedule", schedule, SCHEDULES),
        ("optimizer", optimizer, OPTIMIZERS),
        ("precision", precision, PRECISIONS),
    ):
        if value is not None and value not in known:
            raise RunError(f"There is no {label} {str(value)[:40]!r} (known: {', '.join(known)}).")
    if dropout is not None and recipe.dropout is None:
        raise RunError(f"{recipe.name} has no layer for dropout; leave it out.")
    if dropout is not None and not 0 <= dropout <= MAX_DROPOUT:
        raise RunError(f"Dropout must be between 0 and {MAX_DROPOUT}, not {dropout:g}.")
    if not 0 <= seed <= MAX_SEED:
        raise RunError(f"The seed must be between 0 and {MAX_SEED:,}, not {seed}.")
    if name is not None:
        check_name(name)
        if (models / name).exists():
            raise NameTakenError(name)
    return RunConfig(
        name=name or free_name(recipe.name, models),
        recipe=recipe.name,
        epochs=epochs or recipe.epochs,
        steps=None if epochs else recipe.steps,
        batch_size=batch_size or recipe.batch_size,
        learning_rate=learning_rate or recipe.learning_rate,
        seed=seed,
        limit=limit,
        precision=precision,
        created=time.time(),
        schedule=schedule or recipe.schedule,
        optimizer=optimizer or recipe.optimizer,
        augmentation=recipe.augmentation if augmentation is None else augmentation,
        dropout=recipe.dropout if dropout is None else dropout,
        trains_on_validation=recipe.trains_on_validation if trains_on_validation is None else trains_on_validation,
        tensorboard=tensorboard,
    )


def validate(config: RunConfig) -> RunConfig:
    """Settings that were read from somewhere, once more through `configure`.

    Raises:
        RunError: a value is out of range, or the recipe or the name is none.
    """
    if config.recipe not in RECIPES:
        raise RunError(f"There is no recipe {config.recipe[:40]!r} here.")
    names = ("epochs", "batch_size", "learning_rate", "seed", "limit", "precision", "tensorboard", *OVERRIDABLE)
    values = {name: getattr(config, name) for name in names}
    if config.epochs is None and (config.steps is None or not 0 < config.steps <= MAX_STEPS):
        raise RunError("The run has neither epochs nor a number of steps.")
    check_name(config.name)
    configure(RECIPES[config.recipe], Path(), **values)
    return config


def conflict(config: RunConfig, images: int) -> str | None:
    """Why settings that are each in range make no sense together, or None.

    Args:
        config: the settings.
        images: that are there to train on.
    """
    used = min(images, config.limit or images)
    if config.batch_size > used:
        return (
            f"A batch of {config.batch_size:,} is more than the {used:,} training images: make the batch smaller, or "
            "take more images."
        )
    return None


def resume_config(config: RunConfig, models: Path, *, name: str | None = None, **changed: object) -> RunConfig:
    """The settings of a run that goes on from another's weights, under a free name.

    Args:
        config: of the run before.
        models: the folder of both.
        name: of the new run; None for the other's and a number.
        **changed: settings that differ, as `configure` takes them. Left out, the epochs are those of the recipe, the
            learning rate is half of what it was, and the seed is the next, all else stays.

    Raises:
        RunError: a value is out of range, or the name is taken or not a name.
    """
    settings = {
        name: getattr(config, name) for name in ("batch_size", "limit", "precision", "tensorboard", *OVERRIDABLE)
    }
    settings["learning_rate"] = max(LEARNING_RATE_RANGE[0], config.learning_rate / 2)
    # Another seed, or it would see the same images in the same order again.
    settings["seed"] = (config.seed + 1) % (MAX_SEED + 1)
    following = configure(RECIPES[config.recipe], models, **settings | changed, name=name)
    return replace(
        following,
        name=name or free_name(config.name[:60], models),
        start=config.name,
        starts_seen=config.starts_seen or bool(config.setting("trains_on_validation")),
    )


def check_name(name: str) -> None:
    """Raise RunError unless `name` can be a run's folder."""
    if not _NAME.fullmatch(name):
        raise RunError(
            f"{name[:40]!r} cannot be a run's name: use 1 to 64 lower-case letters, digits, dots, dashes and "
            "underscores, beginning with a letter or digit."
        )


def free_name(stem: str, models: Path) -> str:
    """A name that no run has: the stem and the smallest number that is left."""
    names = (f"{stem}-{number}" for number in range(1, 1_000_000))
    return next(name for name in names if not (models / name).exists())
