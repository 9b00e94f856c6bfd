"""Worker processes: start one, keep one warm, record a crash, end all."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from mnistdash.runs import events
from mnistdash.runs.run import LOCK, LOG, quote_log
from mnistdash.settings import PROJECT, Settings
from mnistdash.system.locks import try_lock
from mnistdash.system.resources import available_memory, usable_cores

WARM_SECONDS = 60  # that a warm worker outlives the last request for it
WARM_MEMORY_BYTES = 1_000_000_000  # that must be free to start one: the largest run takes 0.76 GB
GRACE_SECONDS = 25  # for workers to save their best weights when the server ends


class Worker(subprocess.Popen[bytes]):
    """A process that trains one run.

    Args:
        settings: limits, and the folder of models.
        run: to train; without it the worker warms up and waits for `train`.

    Raises:
        OSError: the log of the run cannot be written.
    """

    stdin: IO[bytes]  # the worker stops when it closes, however this process ends

    def __init__(self, settings: Settings, run: str | None = None):
        threads = str(settings.threads or usable_cores())
        with Path(os.devnull if run is None else settings.models / run / LOG).open("ab") as output:
            super().__init__(
                worker_command(run),
                cwd=PROJECT,
                env={
                    **os.environ,
                    "MNISTDASH_MODELS": str(settings.models),
                    # TensorFlow counts the cores of the machine, also those that a container may not use.
                    "TF_NUM_INTRAOP_THREADS": threads,
                    "OMP_NUM_THREADS": threads,
                },
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the server's terminal must not reach the worker
            )

    def train(self, run: str) -> None:
        """Have a warm worker train a run.

        Raises:
            OSError: the worker has ended.
        """
        self.stdin.write(f"{run}\n".encode())
        self.stdin.flush()

    def close_input(self) -> None:
        """Tell the worker to stop."""
        with contextlib.suppress(OSError):  # it has ended
            self.stdin.close()

    def wait_for_end(self, folder: Path) -> None:
        """Wait until the worker has ended, and record a crash as the end of its run.

        Raises:
            OSError: the disk is full, or someone removed the folder.
        """
        began = time.monotonic()
        code = self.wait()
        self.close_input()
        if not code:  # it has recorded the end of the run, or left the run to another process
            return
        with try_lock(folder / LOCK) as acquired:
            last = events.last_event(folder)
            if acquired and not (last and last["event"] == "ended"):
                reason = f"Its process {describe_exit(code)}. {quote_log(folder)}".strip()
                events.EventWriter(folder, began).write("ended", status="failed", reason=reason)


class WarmWorker:
    """At most one worker that has imported TensorFlow and loaded the data before a run needs it."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._allowed = settings.stand_by
        self._wanted_until = 0.0  # time.monotonic()
        self._worker: Worker | None = None

    def want(self) -> None:
        """Ask for a warm worker for the next WARM_SECONDS."""
        self._wanted_until = time.monotonic() + WARM_SECONDS

    def update(self, idle: bool) -> None:
        """Start the worker if it is wanted, no run is active and memory allows; end it if it is not wanted."""
        self._give_up_after_crash()
        if time.monotonic() > self._wanted_until:
            self.end()
        elif self._worker is None and idle and self._allowed and available_memory() >= WARM_MEMORY_BYTES:
            self._worker = Worker(self._settings)

    def take(self, run: str) -> Worker | None:
        """Have the warm worker train a run, and return it; None if there is none."""
        self._give_up_after_crash()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.train(run)
        return worker

    def end(self) -> None:
        """Kill the worker: it has nothing to save."""
        if self._worker is not None:
            self._worker.kill()
            end_workers([self._worker])
            self._worker = None

    def _give_up_after_crash(self) -> None:
        if self._worker is not None and self._worker.poll() is not None:
            self._allowed = False  # the next one would crash, too
            self.end()


def worker_command(run: str | None) -> list[str]:
    """Return the command line of a worker."""
    return [sys.executable, "-m", "mnistdash.jobs.worker", *([] if run is None else [run])]


def end_workers(workers: Sequence[Worker]) -> None:
    """End workers: close their input, wait for GRACE_SECONDS, then kill."""
    for worker in workers:
        worker.close_input()
    deadline = time.monotonic() + GRACE_SECONDS
    for worker in workers:
        try:
            worker.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def describe_exit(code: int) -> str:
    """Say how a process ended, from its exit status."""
    if code >= 0:
        return f"ended with exit status {code}"
    memory = ", probably because memory ran out" if code == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{memory}"
