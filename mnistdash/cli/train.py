"""Train."""

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

from mnistdash.cli.progress import DownloadBar, TrainingBar
from mnistdash.exceptions import CommandError
from mnistdash.jobs import worker
from mnistdash.jobs.worker import Stop, run_training
from mnistdash.runs import store, weights
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig, check_name, configure, resume_config
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import LOG
from mnistdash.settings import Settings
from mnistdash.system.liveness import LivenessLock
from mnistdash.system.native_output import native_output_to

# Options of train, as `configs.configure` calls them.
TRAINING = (
    *("name", "epochs", "batch_size", "learning_rate", "seed", "limit", "precision", "schedule", "optimizer"),
    *("augmentation", "dropout", "trains_on_validation", "tensorboard"),
)


def train(options: argparse.Namespace, settings: Settings) -> None:
    """Train a recipe in the foreground and leave its model in models/RUN/"""
    if options.supervised:
        worker.train_supervised(options.supervised, settings)
        return
    if options.stand_by:
        worker.wait_for_orders(settings)
        return
    given = {name: value for name in TRAINING if (value := getattr(options, name)) is not None}
    if options.start is None:
        config = configure(RECIPES[options.recipe], settings.models, **given)
    else:
        check_name(options.start)
        before = store.load_run(settings.models / options.start)
        if not weights.can_continue(before):
            raise CommandError(
                f"{before.name} is {before.status}: only a run that has ended, has weights and is of a recipe here can "
                "be continued."
            )
        config = resume_config(before.config, settings.models, **given)
    try:
        lifeline = LivenessLock(settings.models)
    except OSError as error:
        raise CommandError(f"The run cannot be stored in {settings.models}: {error.strerror or error}.") from error
    # Nobody takes the run over before it begins.
    folder = store.create_run(replace(config, queued_by=lifeline.name), settings.models)
    with native_output_to(folder / LOG):
        card = train_in_terminal(config, folder, settings, lifeline)
    lifeline.release()
    if card is None:
        print(f"{folder}: stopped before the first epoch; there is no model.")
        return
    print(
        f"{folder}: {card.status}; best epoch {card.best_epoch}, validation accuracy {card.validation}, "
        f"test accuracy {card.test_accuracy:.2%}, test loss {card.test_loss:.4f}"
    )


def train_in_terminal(config: RunConfig, folder: Path, settings: Settings, lifeline: LivenessLock) -> Card | None:
    """Train with a progress bar; Ctrl-C stops and keeps the best weights, twice ends at once.

    Args:
        config: of the run.
        folder: of the run.
        settings: of this process.
        lifeline: of this process.

    Returns:
        The model's card; None where it was stopped before there was anything to keep.

    Raises:
        RunError: the run failed.
    """
    stop = Stop()

    def interrupt(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        print("\nStopping; the best weights are kept. Press Ctrl-C again to end at once.", file=sys.stderr)
        stop.set()

    signal.signal(signal.SIGINT, interrupt)
    with DownloadBar() as bar:
        return run_training(config, folder, settings, TrainingBar(folder), lifeline, stop, bar, strict=True)
