"""The process of one run, from its first event to its last; what it trains is in `training`."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from mnistdash import configs, datasets, runs
from mnistdash.events import EventWriter
from mnistdash.processes import Process
from mnistdash.settings import Settings
from mnistdash.terminal import DownloadBar, TrainingBar


def train_in_terminal(config: configs.RunConfig, folder: Path, settings: Settings) -> runs.Card | None:
    """Train with a progress bar; Ctrl-C stops and keeps the best weights, twice ends at once.

    Returns:
        The model's card; None where it was stopped before there was anything to keep.

    Raises:
        RunError: the run failed.
    """
    stop = threading.Event()

    def interrupt(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        print("\nStopping; the best weights are kept. Press Ctrl-C again to end at once.", file=sys.stderr)
        stop.set()

    signal.signal(signal.SIGINT, interrupt)
    with DownloadBar() as bar:
        return _train(config, folder, settings, TrainingBar(folder), stop, bar, strict=True)


def train_supervised(name: str, settings: Settings) -> None:
    """Train the run that the dashboard has prepared, until its end or the end of standard input."""
    folder = settings.models / name
    stop = threading.Event()

    def stop_at_end_of_input() -> None:
        sys.stdin.buffer.read()
        stop.set()

    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    _train(runs.load(folder).config, folder, settings, EventWriter(folder), stop, None, strict=False)


def _train(
    config: configs.RunConfig,
    folder: Path,
    settings: Settings,
    writer: EventWriter,
    stop: threading.Event,
    progress: Callable[[int, int], None] | None,
    strict: bool,
) -> runs.Card | None:
    process = Process.current()
    writer.write("started", pid=process.pid, process_created=process.created)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        dataset, why_sample = datasets.load_or_sample(settings, progress, strict=strict)
        if why_sample is not None:
            print(f"mnistdash: {why_sample} Training on the offline sample instead.", file=sys.stderr)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the log is for what goes wrong
        from mnistdash import training  # TensorFlow: seconds to import

        card = None if stop.is_set() else training.train(config, folder, dataset, writer, stop)
    except BaseException as error:
        reason = "It was interrupted." if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
        writer.write("ended", status="failed", reason=reason)
        raise
    writer.write("ended", status=card.status if card else "stopped", reason="")
    return card
