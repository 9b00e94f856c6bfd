"""The process of one run, from its first event to its last; what it trains is in `fitting`."""

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mnistdash import configs, datasets, runs
from mnistdash.events import EventWriter
from mnistdash.processes import Process
from mnistdash.recipes import RECIPES
from mnistdash.settings import Settings
from mnistdash.speeds import Speeds
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
    orders = _Orders()
    folder = settings.models / name
    _train(runs.load(folder).config, folder, settings, EventWriter(folder), orders.ended, None, strict=False)


def stand_by(settings: Settings) -> None:
    """Have everything imported and loaded, then do as standard input says, until its end.

    Each line is a JSON object: {"measure": {setting: value}} measures how fast this machine trains such
    runs, {"train": name} trains a run and ends.
    """
    orders = _Orders()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from mnistdash.fitting import calibration  # TensorFlow: seconds to import

    loaded = _at_hand(settings)
    while order := orders.next():
        if "train" in order:
            folder = settings.models / order["train"]
            with (folder / runs.LOG).open("ab") as log:
                for descriptor in (1, 2):
                    os.dup2(log.fileno(), descriptor)
            config = runs.load(folder).config
            _train(config, folder, settings, EventWriter(folder), orders.ended, None, strict=False, loaded=loaded)
            return
        recipe = RECIPES[order["measure"].pop("recipe")]
        config = configs.configure(recipe, settings.models, **order["measure"])
        data = loaded or datasets.sample()
        if speed := calibration.measure(config, data, cancelled=orders.are_waiting):
            Speeds(settings.cache).put(config, speed)


class _Orders:
    """What standard input says, line by line.

    Attributes:
        ended: set when standard input has ended.
    """

    def __init__(self):
        self.ended = threading.Event()
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self._lines.put(line)
        self.ended.set()
        self._lines.put("")

    def next(self) -> dict | None:
        """Wait for the next order; None when there will be none any more."""
        line = self._lines.get()
        return json.loads(line) if line else None

    def are_waiting(self) -> bool:
        """Whether `next` would not wait."""
        return not self._lines.empty()


def _at_hand(settings: Settings) -> datasets.Dataset | None:
    """MNIST, if it need not be downloaded."""
    try:
        return datasets.load(settings) if datasets.is_at_hand(settings) else None
    except datasets.DataError:
        return None


def _train(
    config: configs.RunConfig,
    folder: Path,
    settings: Settings,
    writer: EventWriter,
    stop: threading.Event,
    progress: Callable[[int, int], None] | None,
    strict: bool,
    loaded: datasets.Dataset | None = None,
) -> runs.Card | None:
    process = Process.current()
    writer.write("started", pid=process.pid, process_created=process.created, time=time.time())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        dataset, why_sample = (loaded, None) if loaded else datasets.load_or_sample(settings, progress, strict=strict)
        if why_sample is not None:
            print(f"mnistdash: {why_sample} Training on the offline sample instead.", file=sys.stderr)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the log is for what goes wrong
        from mnistdash.fitting import calibration, training  # TensorFlow: seconds to import

        card = None
        if not stop.is_set():
            precision = calibration.precision(config, dataset, Speeds(settings.cache))
            card = training.train(replace(config, precision=precision), folder, dataset, writer, stop)
    except BaseException as error:
        reason = "It was interrupted." if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
        writer.write("ended", status="failed", reason=reason)
        raise
    writer.write("ended", status=card.status if card else "stopped", reason="")
    return card
