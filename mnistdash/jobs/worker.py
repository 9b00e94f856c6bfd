"""The process of one run, from its first event to its last; what it trains is in `fitting`."""

import contextlib
import errno
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mnistdash.data import mnist, sample
from mnistdash.data.dataset import Dataset
from mnistdash.exceptions import DataError
from mnistdash.runs import run, store
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig
from mnistdash.runs.events import EventWriter
from mnistdash.runs.throughput import ThroughputCache
from mnistdash.settings import Settings
from mnistdash.system.liveness import LivenessLock
from mnistdash.system.resources import lower_priority

LOOK = 1.0  # seconds between two looks whether someone asks it to stop
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room, none left of a quota, a file as large as it may be


def train_supervised(name: str, settings: Settings) -> None:
    """Train the run that the dashboard has prepared, until its end or the end of standard input."""
    orders = _Orders()
    _supervised(name, settings, orders)


def wait_for_orders(settings: Settings) -> None:
    """Import and load everything, then train the run that standard input names: {"train": name}."""
    orders = _Orders()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import mnistdash.training.loop  # noqa: F401

    loaded = _at_hand(settings)
    if order := orders.next():
        with (settings.models / order["train"] / run.LOG).open("ab") as log:
            for descriptor in (1, 2):
                os.dup2(log.fileno(), descriptor)
        _supervised(order["train"], settings, orders, loaded)


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
        dataset, why_sample = (
            (loaded, None) if loaded else sample.load_mnist_or_sample(settings, progress, strict=strict)
        )
        if why_sample is not None:
            print(f"mnistdash: {why_sample} Training on the offline sample instead.", file=sys.stderr)
            writer.write("sample", why=str(why_sample))
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the log is for what goes wrong
        from mnistdash.training import loop

        card = None
        if not stop.is_set():
            card = loop.train(config, folder, dataset, writer, stop, ThroughputCache(settings.cache))
    except BaseException as error:
        with contextlib.suppress(OSError):  # a full disk: the dashboard tries to say so, too
            writer.write("ended", status="failed", reason=_reason(error))
        if isinstance(error, OSError):
            raise store.RunError(_reason(error)) from error
        raise
    writer.write("ended", status=card.status if card else "stopped", reason=stop.reason if stop.is_set() else "")
    return card


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
