"""Runs side by side: their settings and results."""

from collections.abc import Callable, Sequence

from mnistdash.runs.card import Card
from mnistdash.runs.history import History
from mnistdash.runs.run import Run

NONE = "–"  # shown where a run has no value


def _dropout(run: Run) -> str:
    dropout = run.config.setting("dropout")
    return NONE if dropout is None else f"{dropout:g}"


def _precision(run: Run) -> str:
    chosen = run.card.precision if run.card else None
    return f"auto: {chosen}" if run.config.precision == "auto" and chosen else run.config.precision


def _validation(run: Run) -> str:
    seen = run.card.validation_seen if run.card else run.config.setting("trains_on_validation")
    return "trained on" if seen else "left out"


SETTINGS: dict[str, Callable[[Run], object]] = {
    "Recipe": lambda run: run.config.recipe,
    "Epochs": lambda run: run.config.epochs or f"{run.config.steps:,} steps",
    "Batch size": lambda run: run.config.batch_size,
    "Training images": lambda run: "all" if run.config.limit is None else f"{run.config.limit:,}",
    "Validation images": _validation,
    "Learning rate": lambda run: f"{run.config.learning_rate:g}",
    "Schedule": lambda run: run.config.setting("schedule") or NONE,
    "Optimizer": lambda run: run.config.setting("optimizer") or NONE,
    "Dropout": _dropout,
    "Augmentation": lambda run: {True: "on", False: "off", None: NONE}[run.config.setting("augmentation")],
    "Precision": _precision,
    "Seed": lambda run: run.config.seed,
    "Starts from": lambda run: f"weights of {run.config.start}" if run.config.start else "random weights",
}
RESULTS: dict[str, Callable[[Card], str]] = {
    "Best epoch": lambda card: str(card.best_epoch),
    "Validation accuracy": lambda card: card.validation,
    "Test accuracy": lambda card: f"{card.test_accuracy:.2%}",
    "Test loss": lambda card: f"{card.test_loss:.4f}",
    "Parameters": lambda card: f"{card.parameters:,}",
    "Training time": lambda card: f"{card.seconds:,.0f} s",
}


def compare_settings(runs: Sequence[Run]) -> list[tuple[str, list[str], bool]]:
    """Return each setting's name, its value in every run, and True if the runs differ in it; those come first."""
    rows = [(name, [str(value(run)) for run in runs]) for name, value in SETTINGS.items()]
    return sorted(((name, values, len(set(values)) > 1) for name, values in rows), key=lambda row: not row[2])


def compare_results(runs: Sequence[Run], histories: Sequence[History]) -> list[tuple[str, list[str]]]:
    """Return the name of each result and its value in every run."""
    speeds = [NONE if history.mean_speed is None else f"{history.mean_speed:,.0f}" for history in histories]
    return [
        ("Status", [run.status for run in runs]),
        *((name, [NONE if run.card is None else value(run.card) for run in runs]) for name, value in RESULTS.items()),
        ("Images per second", speeds),
    ]
