"""Fields of the form on Train: a recipe's settings and a sweep."""

from functools import partial
from typing import Any

import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.runs import recipes, sweeps
from mnistdash.runs.config import LEARNING_RATE_RANGE, MAX_BATCH_SIZE, MAX_DROPOUT, MAX_EPOCHS, MAX_SEED, PRECISIONS
from mnistdash.runs.recipes import Recipe
from mnistdash.runs.schedules import SCHEDULES

WIDTH = 130  # pixels, of a field
WIDE = 2 * WIDTH + 16  # pixels: as wide as two fields
HELP = {
    "Epochs": "An epoch is one pass over the training images.",
    "Batch size": "Images per step.",
    "Learning rate": "Peak value if a schedule is used.",
    "Dropout": "Share of activations set to 0 at each step.",
    "Augmentation": "Shifts, rotates, distorts and redraws training images at random. Slower, but more accurate on "
    "drawings.",
    "Precision": "bfloat16 uses half the bits and is faster on some processors. Auto picks the faster one here.",
    "Seed": "The same seed reproduces a run exactly.",
    "TensorBoard logs": "Written to the run's folder. View them with `tensorboard --logdir models`.",
    "Sweep": "Queues a run for each value of one setting and compares them.",
}


def show(recipe: Recipe, data: Dataset, available: int) -> dict[str, Any]:
    """Show a field for each setting, with the recipe's values.

    Args:
        recipe: the recipe to adjust.
        data: the data to train on.
        available: number of training images.

    Returns:
        The settings as `config.configure` takes them.
    """
    rate, dropout = recipe.learning_rate, recipe.dropout
    steps: dict[str, Any] = {}
    if recipe.steps:
        steps = {"placeholder": "Default", "help": f"{HELP['Epochs']} Default: {recipe.steps:,} steps."}
    number, choose = partial(_show_number, recipe), partial(_show_choice, recipe)
    with st.container(horizontal=True):
        settings = {
            "epochs": number("Epochs", "epochs", (1, MAX_EPOCHS, recipe.epochs), **steps),
            "batch_size": number("Batch size", "batch", (1, MAX_BATCH_SIZE, recipe.batch_size)),
            "limit": number("Training images", f"limit-{data.name}", (100, available, available), step=1000),
            "learning_rate": number("Learning rate", "rate", (*LEARNING_RATE_RANGE, rate), step=rate / 10, format="%g"),
            "schedule": choose("Schedule", SCHEDULES, recipe.schedule),
            "optimizer": choose("Optimizer", recipes.OPTIMIZERS, recipe.optimizer),
            "dropout": None
            if dropout is None
            else number("Dropout", "dropout", (0.0, MAX_DROPOUT, dropout), step=0.05, format="%g"),
            "augmentation": choose("Augmentation", ("on", "off"), "on" if recipe.augmentation else "off"),
            "precision": choose("Precision", PRECISIONS, "auto"),
            "seed": number("Seed", "seed", (0, MAX_SEED, 0)),
        }
    if settings["limit"] == available:
        settings["limit"] = None
    return {**settings, "augmentation": settings["augmentation"] == "on"}


def show_sweep(recipe: Recipe) -> tuple[str | None, str]:
    """Show fields for several values of one setting; return its name (None for no sweep) and the typed values."""
    settings = [name for name in sweeps.SETTINGS if name != "Dropout" or recipe.dropout is not None]
    key = f"sweep-{recipe.name}"
    setting = st.selectbox("Sweep", settings, index=None, key=key, placeholder="Off", width=WIDE, help=HELP["Sweep"])
    if setting is None:
        return None, ""
    example = sweeps.SETTINGS[setting].example
    return setting, st.text_input("Values", key=f"values-{setting}", placeholder=example, width=WIDE)


# The keys contain the recipe, so that each recipe keeps its own values.
def _show_number(recipe: Recipe, label: str, name: str, limits: tuple[Any, Any, Any], **options: Any) -> Any:
    """Show a number field with a smallest, a largest and an initial value."""
    options = {"help": HELP.get(label), **options}
    key = f"{name}-{recipe.name}"
    return st.number_input(label, *limits, key=key, width=WIDTH, bind="query-params", **options)


def _show_choice(recipe: Recipe, label: str, options: tuple[str, ...], value: str) -> str:
    key, help, index = f"{label.lower()}-{recipe.name}", HELP.get(label), options.index(value)
    return st.selectbox(label, options, index, key=key, width=WIDTH, bind="query-params", help=help)
