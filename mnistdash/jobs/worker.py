"""The process of one run, from its first event to its last; what it trains is in `fitting`."""

import contextlib
import errno
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mnistdash.data import mnist, sample
from mnistdash.data.dataset import Dataset
from mnistdash.exceptions import DataError
from mnistdash.runs import run, store
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig, configure
from mnistdash.runs.events import EventWriter
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import ThroughputCache, measuring_order
from mnistdash.settings import PROJECT, Settings
from mnistdash.system.liveness import LivenessLock
from mnistdash.system.resources import ROOMY, available_memory, lower_priority

LONGEST_MEASURE = 300.0  # seconds that a process may take to import TensorFlow and measure
LOOK = 1.0  # seconds between two looks whether someone asks it to stop
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room, none left of a quota, a file as large as it may be


def train_supervised(name: str, settings: Settings) -> None:
    """Train the run that the dashboard has prepared, until its end or the end of standard input."""
    orders = _Orders()
    _supervised(name, settings, orders)


def wait_for_orders(settings: Settings) -> None:
    """Have everything imported and loaded, then do as standard input says, until its end.

    Each line is a JSON object: {"measure": {setting: value}} measures how fast this machine trains such
    runs, {"train": name} trains a run and ends.
    """
    orders = _Orders()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from mnistdash.training import benchmark  # TensorFlow: seconds to import

    loaded = _at_hand(settings)
    while order := orders.next():
        if "train" in order:
            with (settings.models / order["train"] / run.LOG).open("ab") as log:
                for descriptor in (1, 2):
                    os.dup2(log.fileno(), descriptor)
            _supervised(order["train"], settings, orders, loaded)
            return
        recipe = RECIPES[order["measure"].pop("recipe")]
        config = configure(recipe, settings.models, **order["measure"])
        data = loaded or sample.load_sample()
        if speed := benchmark.measure(config, data, cancelled=orders.are_waiting):
            ThroughputCache(settings.cache).put(config, speed)


class Stop(threading.Event):
    """Set when a run is to stop.

    Attributes:
        reason: why, in a sentence, where it was not a user who wanted it.
    """

    reason = ""

    def because(self, reason: str) -> None:
        """Set it, unless it is set already."""
        if not self.is_set():
            self.reason = reason
            self.set()


class _Orders:
    """What standard input says, line by line.

    Attributes:
        stop: set when a line says so, or when standard input has ended.
    """

    def __init__(self):
        self.stop = Stop()
        self._lines: queue.Queue[dict | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            order = json.loads(line)
            if order.get("stop"):
                self.stop.set()
            else:
                self._lines.put(order)
        self.stop.because("The dashboard that started it has ended.")
        self._lines.put(None)

    def next(self) -> dict | None:
        """Wait for the next order; None when there will be none any more."""
        return self._lines.get()

    def are_waiting(self) -> bool:
        """Whether there is an order that `next` would give at once."""
        return any(order is not None for order in list(self._lines.queue))


def _supervised(name: str, settings: Settings, orders: _Orders, loaded: Dataset | None = None) -> None:
    lower_priority()
    too_long = f"It was stopped after {settings.minutes} minutes, the most that a run may take here."
    limit = threading.Timer(60 * settings.minutes, orders.stop.because, (too_long,))
    limit.daemon = True
    limit.start()
    folder = settings.models / name
    config = store.load_run(folder).config
    lifeline = LivenessLock(settings.models)
    run_training(
        config, folder, settings, EventWriter(folder), lifeline, orders.stop, None, strict=False, loaded=loaded
    )


def _at_hand(settings: Settings) -> Dataset | None:
    """MNIST, if it need not be downloaded."""
    try:
        return mnist.load_mnist(settings) if mnist.is_available(settings) else None
    except DataError:
        return None


def run_training(
    config: RunConfig,
    folder: Path,
    settings: Settings,
    writer: EventWriter,
    lifeline: LivenessLock,
    stop: Stop,
    progress: Callable[[int, int], None] | None,
    strict: bool,
    loaded: Dataset | None = None,
) -> Card | None:
    writer.write("started", lifeline=lifeline.name, pid=os.getpid(), time=time.time())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_obey, args=(folder, stop), daemon=True).start()
    try:
        speeds = ThroughputCache(settings.cache)
        is_measured = config.precision != "auto" or speeds.get(config) is not None
        if not (loaded or is_measured or stop.is_set()) and available_memory() < ROOMY:
            _measure_apart(config)
        dataset, why_sample = (
            (loaded, None) if loaded else sample.load_mnist_or_sample(settings, progress, strict=strict)
        )
        if why_sample is not None:
            print(f"mnistdash: {why_sample} Training on the offline sample instead.", file=sys.stderr)
            writer.write("sample", why=str(why_sample))
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the log is for what goes wrong
        from mnistdash.training import benchmark, loop

        card = None
        if not stop.is_set():
            precision = benchmark.precision(config, dataset, speeds)
            card = loop.train(replace(config, precision=precision), folder, dataset, writer, stop)
    except BaseException as error:
        with contextlib.suppress(OSError):  # a full disk: the dashboard tries to say so, too
            writer.write("ended", status="failed", reason=_reason(error))
        if isinstance(error, OSError):
            raise store.RunError(_reason(error)) from error
        raise
    writer.write("ended", status=card.status if card else "stopped", reason=stop.reason if stop.is_set() else "")
    return card


def _measure_apart(config: RunConfig) -> None:
    """Have another process find out how fast such runs are, as TensorFlow keeps to the end what that takes."""
    command = [sys.executable, "-m", "mnistdash", "train", "--stand-by"]
    order = json.dumps(measuring_order(config))
    # Where it does not work, this process measures for itself.
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, cwd=PROJECT, input=order, text=True, timeout=LONGEST_MEASURE)


def _obey(folder: Path, stop: Stop) -> None:
    """Stop when someone asks for it who did not start this process."""
    while not stop.wait(LOOK):
        if run.is_asked_to_stop(folder):
            stop.set()


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted."
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return f"The disk is full: make room, and start it again ({error.strerror})."
    return str(error) or type(error).__name__
