"""Starts, queues, stops and supervises the child processes that train.

While someone is on the Train page, a spare process stands by that has imported TensorFlow and loaded
the data already. It measures how fast this machine trains, and becomes the next run's process.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mnistdash import configs, events, runs
from mnistdash.processes import available_memory
from mnistdash.settings import PROJECT, Settings

GRACE = 25  # seconds that children have to keep their best weights when the server ends
WANTED = 60  # seconds that a spare process outlives the last request for one
CHECK = 2  # seconds between two looks whether it is still wanted
ROOM = 1_600_000_000  # bytes that must be free before a spare is started: it takes 0.7 GB, training 1.1


@dataclass(frozen=True)
class _Job:
    process: subprocess.Popen
    began: float  # time.monotonic()


class Jobs:
    """The queue of one server. All methods may be called from several threads at once."""

    def __init__(self, settings: Settings):
        self._models = settings.models
        self._limit = settings.concurrent_runs
        self._lock = threading.Lock()
        self._queue: deque[str] = deque()
        self._running: dict[str, _Job] = {}
        self._stopping: set[str] = set()
        self._closed = False
        self._may_stand_by = settings.stand_by
        self._spare: subprocess.Popen | None = None
        self._wanted_until = 0.0  # time.monotonic()
        self._measured: set[str] = set()  # by the spare process at hand, or soon

    def stand_by(self) -> bool:
        """Ask for a spare process for the next minute; say whether there is one.

        There is none while a run trains, and where memory is scarce.
        """
        with self._lock:
            self._wanted_until = time.monotonic() + WANTED
            if self._spare is not None and self._spare.poll() is not None:
                # It died by itself, which another would do again.
                self._spare, self._may_stand_by = None, False
            may = self._may_stand_by and not (self._running or self._queue or self._closed)
            if self._spare is None and may and available_memory() >= ROOM:
                self._spare = _popen(["--stand-by"], self._models, subprocess.DEVNULL)
                self._measured = set()
                threading.Thread(target=self._retire, args=(self._spare,), daemon=True).start()
            return self._spare is not None

    def measure(self, config: configs.RunConfig) -> bool:
        """Have the spare process measure how fast such runs are, for `speeds`; False where there is none."""
        settings = ("recipe", "batch_size", "optimizer", "augmentation")
        if not self.stand_by():
            return False
        order = {"measure": {name: getattr(config, name) for name in settings}}
        with self._lock:
            if self._spare is None:
                return False
            if str(order) in self._measured:
                return True
            self._measured.add(str(order))
            return _order(self._spare, order)

    def submit(self, config: configs.RunConfig) -> None:
        """Make the run's folder and start it, now or as soon as those before it have ended.

        Raises:
            RunError: the folder cannot be made.
        """
        runs.create(config, self._models)
        with self._lock:
            self._queue.append(config.name)
            self._start_next()

    def stop(self, name: str) -> None:
        """Stop a running run, which keeps its best weights, or take a queued one off the queue."""
        with self._lock:
            if name in self._queue:
                self._queue.remove(name)
                writer = events.EventWriter(self._models / name)
                writer.write("ended", status="stopped", reason="It was taken off the queue.")
            elif name in self._running:
                self._stopping.add(name)
                _close_input(self._running[name].process)

    def state(self, name: str) -> str | None:
        """What this server is doing with a run: "queued", "running", "stopping", or None for nothing."""
        with self._lock:
            if name in self._stopping:
                return "stopping"
            if name in self._running:
                return "running"
            return "queued" if name in self._queue else None

    def close(self) -> None:
        """End all children: ask, wait for GRACE seconds, then kill. Queued runs are not begun."""
        with self._lock:
            self._closed = True
            if self._spare is not None:
                self._spare.kill()  # it has nothing to keep
                self._spare.wait()
                self._spare = None
            children = [job.process for job in self._running.values()]
        for child in children:
            _close_input(child)
        deadline = time.monotonic() + GRACE
        for child in children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _start_next(self) -> None:
        while self._queue and len(self._running) < self._limit and not self._closed:
            name = self._queue.popleft()
            job = self._begin(name)
            self._running[name] = job
            threading.Thread(target=self._supervise, args=(name, job), daemon=True).start()

    def _begin(self, name: str) -> _Job:
        spare, self._spare = self._spare, None
        if spare is not None and spare.poll() is None and _order(spare, {"train": name}):
            return _Job(spare, time.monotonic())
        with (self._models / name / runs.LOG).open("ab") as output:
            return _Job(_popen(["--supervised", name], self._models, output), time.monotonic())

    def _retire(self, spare: subprocess.Popen) -> None:
        """End a spare process when nobody wants it any more."""
        while spare.poll() is None:
            time.sleep(CHECK)
            with self._lock:
                if self._spare is not spare:  # it trains, or was replaced
                    return
                if time.monotonic() > self._wanted_until:
                    self._spare = None
                    spare.kill()
        spare.wait()

    def _supervise(self, name: str, job: _Job) -> None:
        code = job.process.wait()
        _close_input(job.process)
        folder = self._models / name
        try:
            if not any(event["event"] == "ended" for event in events.read(folder)[0]):
                reason = f"Its process {_how_it_ended(code)}. {runs.log_tail(folder)}".strip()
                events.EventWriter(folder, job.began).write("ended", status="failed", reason=reason)
        finally:  # the queue goes on even if someone removed the folder or the disk is full
            with self._lock:
                del self._running[name]
                self._stopping.discard(name)
                self._start_next()


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "mnistdash", "train", *arguments]


def _popen(arguments: list[str], models: Path, output: IO | int) -> subprocess.Popen:
    return subprocess.Popen(
        _command(arguments),
        cwd=PROJECT,
        env={**os.environ, "MNISTDASH_MODELS": str(models)},
        stdin=subprocess.PIPE,  # its end tells the child to stop, whatever happens to this process
        stdout=output,
        stderr=subprocess.STDOUT,
        # Ctrl-C in the server's terminal must reach the child through its input only.
        start_new_session=True,
    )


def _order(process: subprocess.Popen, order: dict) -> bool:
    """Tell a spare process what to do; False where it has ended."""
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
    except OSError:
        return False
    return True


def _close_input(process: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        process.stdin.close()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended early with exit status {code}"
    memory = ", perhaps for want of memory" if code == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{memory}"
