"""The command `train`: train one run in the foreground."""

import argparse
import signal
import sys

from mnistdash.cli.progress import TrainingBar, download_bar
from mnistdash.exceptions import CommandError
from mnistdash.jobs.worker import Stop, run_training
from mnistdash.runs import store, weights
from mnistdash.runs.config import RunConfig, check_name, configure, resume_config
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import LOCK, LOG
from mnistdash.settings import Settings
from mnistdash.system.locks import ProcessLock
from mnistdash.system.native_output import native_output_to


def train(options: argparse.Namespace, settings: Settings) -> None:
    """Train a recipe in the foreground and write its model to models/RUN/."""
    config = _config(options, settings)
    lock = ProcessLock(settings.models / config.name / LOCK)
    folder = store.create_run(config, settings.models, lock)
    stop = _stop_on_interrupt()
    with native_output_to(folder / LOG), download_bar() as bar:
        card = run_training(config, folder, settings, TrainingBar(folder), stop, progress=bar, strict=True)
    lock.release()
    if card is None:
        print(f"{folder}: stopped before the first epoch ended; there is no model.")
        return
    print(
        f"{folder}: {card.status}; best epoch {card.best_epoch}, validation accuracy {card.validation}, "
        f"test accuracy {card.test_accuracy:.2%}, test loss {card.test_loss:.4f}"
    )


def _config(options: argparse.Namespace, settings: Settings) -> RunConfig:
    """Return the settings of the run, from a recipe or from the run that it continues."""
    own = {"command", "recipe", "start"}
    given = {name: value for name, value in vars(options).items() if name not in own and value is not None}
    if options.start is None:
        return configure(RECIPES[options.recipe], settings.models, **given)
    check_name(options.start)
    before = store.load_run(settings.models / options.start)
    if not weights.can_continue(before):
        raise CommandError(
            f"{before.name} is {before.status}: only a run that has ended, has weights and uses a known recipe can be "
            "continued."
        )
    return resume_config(before.config, settings.models, **given)


def _stop_on_interrupt() -> Stop:
    """Return an event that the first Ctrl-C sets; the second one ends the process."""
    stop = Stop()

    def interrupt(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        print("\nStopping and saving the best weights. Press Ctrl-C again to quit now.", file=sys.stderr)
        stop.set()

    signal.signal(signal.SIGINT, interrupt)
    return stop
