"""The process that trains one run: `python -m mnistdash.jobs.worker [RUN]`.

A dashboard starts it, and stops it by closing its standard input. Without RUN it imports TensorFlow and loads the data,
then reads the name of the run from standard input.
"""

import contextlib
import errno
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
from mnistdash.exceptions import DataError, MnistdashError, RunError
from mnistdash.runs import run, store
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig
from mnistdash.runs.events import EventWriter, last_event
from mnistdash.runs.throughput import ThroughputCache
from mnistdash.settings import Settings
from mnistdash.system.locks import ProcessLock
from mnistdash.system.resources import lower_priority

STOP_POLL_SECONDS = 0.25  # between two looks for a request to stop
LOCK_TIMEOUT = 10.0  # seconds to wait for a run's lock: others hold it for an instant to see who trains
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # disk, quota or file size exhausted


class Stop(threading.Event):
    """An event that is set when a run has to stop.

    Attributes:
        reason: one sentence, or "" if a user stopped the run.
    """

    reason = ""

    def because(self, reason: str) -> None:
        """Set the event, unless it is set already."""
        if not self.is_set():
            self.reason = reason
            self.set()


def main(arguments: list[str]) -> int:
    """Train the run that the arguments or standard input name, and return the exit status."""
    stop, names = Stop(), queue.SimpleQueue[str]()
    threading.Thread(target=_follow_input, args=(names, stop), daemon=True).start()
    lower_priority()
    try:
        settings = Settings.from_environment()
        if arguments:
            train_queued_run(arguments[0], settings, stop)
            return 0
        dataset = _warm_up(settings)
        if name := names.get():
            _redirect_output(settings.models / name / run.LOG)
            train_queued_run(name, settings, stop, dataset)
    except MnistdashError as error:
        print(f"mnistdash: {error}", file=sys.stderr)
        return 1
    return 0


def train_queued_run(name: str, settings: Settings, stop: Stop, dataset: Dataset | None = None) -> None:
    """Train a queued run, unless another process trains it already or it was canceled.

    Args:
        name: of the run.
        settings: paths and limits.
        stop: ends the run.
        dataset: if it has been loaded already.

    Raises:
        RunError: the run failed.
    """
    folder = settings.models / name
    config = store.load_run(folder).config
    lock = ProcessLock(folder / run.LOCK)
    if not lock.acquire(LOCK_TIMEOUT) or last_event(folder) or stop.is_set():
        return
    limit = f"Stopped after {settings.minutes} minutes, the time limit for a run."
    timer = threading.Timer(60 * settings.minutes, stop.because, (limit,))
    timer.daemon = True
    timer.start()
    run_training(config, folder, settings, EventWriter(folder), stop, dataset=dataset)


def run_training(
    config: RunConfig,
    folder: Path,
    settings: Settings,
    writer: EventWriter,
    stop: Stop,
    *,
    dataset: Dataset | None = None,
    progress: Callable[[int, int], None] | None = None,
    strict: bool = False,
) -> Card | None:
    """Train a run whose lock this process holds, and write its events from the first to the last.

    Args:
        config: of the run.
        folder: of the run.
        settings: paths and limits.
        writer: takes the events.
        stop: ends the run, which then saves its best weights.
        dataset: if it has been loaded already.
        progress: called with the bytes received and expected while MNIST is downloaded.
        strict: raise an error if the user's own data is damaged, instead of training on the sample.

    Returns:
        The model's card; None if the run was stopped before its first epoch ended.

    Raises:
        MnistdashError: the run failed.
    """
    writer.write("started", pid=os.getpid(), time=time.time())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_follow_stop_file, args=(folder, stop), daemon=True).start()
    try:
        if dataset is None:
            dataset, why_sample = sample.load_mnist_or_sample(settings, progress, strict=strict)
            if why_sample is not None:
                print(f"mnistdash: {why_sample} Training on the offline sample instead.", file=sys.stderr)
                writer.write("sample", why=str(why_sample))
        train = _import_train()
        card = None if stop.is_set() else train(config, folder, dataset, writer, stop, ThroughputCache(settings.cache))
    except BaseException as error:
        with contextlib.suppress(OSError):  # the disk is full; the dashboard tries again
            writer.write("ended", status="failed", reason=_describe(error))
        if isinstance(error, OSError):
            raise RunError(_describe(error)) from error
        raise
    status = card.status if card else "stopped"
    writer.write("ended", status=status, reason=stop.reason if status == "stopped" else "")
    return card


def _import_train() -> Callable[..., Card | None]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
    from mnistdash.training import loop  # TensorFlow: seconds to import

    return loop.train


def _warm_up(settings: Settings) -> Dataset | None:
    """Import TensorFlow, and load MNIST unless it has to be downloaded."""
    _import_train()
    try:
        return mnist.load_mnist(settings) if mnist.is_available(settings) else None
    except DataError:  # the run reports it
        return None


def _follow_input(names: "queue.SimpleQueue[str]", stop: Stop) -> None:
    names.put(sys.stdin.readline().strip())
    sys.stdin.read()
    stop.because("The dashboard that started it has ended.")


def _follow_stop_file(folder: Path, stop: Stop) -> None:
    while not stop.wait(STOP_POLL_SECONDS):
        if run.is_asked_to_stop(folder):
            stop.set()


def _redirect_output(path: Path) -> None:
    with path.open("ab") as log:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)


def _describe(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted."
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f"The disk is full ({error.strerror}). Free some space and start the run again."
    return str(error) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
