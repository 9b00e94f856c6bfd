"""Starts, queues, stops and supervises the child processes that train."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from mnistdash import configs, events, runs
from mnistdash.settings import PROJECT, Settings

GRACE = 25  # seconds that children have to keep their best weights when the server ends


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
            job = _start(name, self._models)
            self._running[name] = job
            threading.Thread(target=self._supervise, args=(name, job), daemon=True).start()

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


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", "mnistdash", "train", "--supervised", name]


def _start(name: str, models: Path) -> _Job:
    with (models / name / runs.LOG).open("ab") as output:
        process = subprocess.Popen(
            _command(name),
            cwd=PROJECT,
            env={**os.environ, "MNISTDASH_MODELS": str(models)},
            stdin=subprocess.PIPE,  # its end tells the child to stop, whatever happens to this process
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the server's terminal must reach the child through its input only.
            start_new_session=True,
        )
    return _Job(process, time.monotonic())


def _close_input(process: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        process.stdin.close()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended early with exit status {code}"
    memory = ", perhaps for want of memory" if code == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{memory}"
