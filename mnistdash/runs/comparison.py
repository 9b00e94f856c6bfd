"""Runs side by side: their settings, and what they reached."""

from collections.abc import Callable, Sequence

from mnistdash.runs.history import History
from mnistdash.runs.run import Run


def _dropout(run: Run) -> str:
    dropout = run.config.setting("dropout")
    return "–" if dropout is None else f"{dropout:g}"


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
    "Schedule": lambda run: run.config.setting("schedule") or "–",
    "Optimizer": lambda run: run.config.setting("optimizer") or "–",
    "Dropout": _dropout,
    "Augmentation": lambda run: {True: "on", False: "off"}.get(run.config.setting("augmentation"), "–"),
    "Precision": _precision,
    "Seed": lambda run: run.config.seed,
    "Begins with": lambda run: f"weights of {run.config.start}" if run.config.start else "fresh weights",
}


def compare_settings(runs: Sequence[Run]) -> list[tuple[str, list[str], bool]]:
    """Each setting's name, its value in every run, and whether the runs differ in it; those first."""
    rows = [(name, [str(value(run)) for run in runs]) for name, value in SETTINGS.items()]
    return sorted(((name, values, len(set(values)) > 1) for name, values in rows), key=lambda row: not row[2])


def compare_results(runs: Sequence[Run], histories: Sequence[History]) -> list[tuple[str, list[str]]]:
    """The name of each final figure, and its value in every run; a dash where a run has none."""

    def row(name: str, value: Callable[[Run], str]) -> tuple[str, list[str]]:
        return name, ["–" if run.card is None else value(run) for run in runs]

    return [
        ("Status", [run.status for run in runs]),
        row("Best epoch", lambda run: str(run.card.best_epoch)),
        row("Validation accuracy", lambda run: run.card.validation),
        row("Test accuracy", lambda run: f"{run.card.test_accuracy:.2%}"),
        row("Test loss", lambda run: f"{run.card.test_loss:.4f}"),
        row("Parameters", lambda run: f"{run.card.parameters:,}"),
        row("Training took", lambda run: f"{run.card.seconds:,.0f} s"),
        ("Images per second", ["–" if h.mean_speed is None else f"{h.mean_speed:,.0f}" for h in histories]),
    ]
