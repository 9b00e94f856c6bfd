"""Starts, queues, stops and supervises the child processes that train.

While someone is on the Train page, a spare process stands by that has imported TensorFlow and loaded
the data already. It measures how fast this machine trains, and becomes the next run's process.

Several dashboards may share one folder of models. Each runs what it has queued; together they train no more at the
same time than is allowed; and what one that has ended left in its queue is taken over by another.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import IO

from filelock import FileLock, Timeout

from mnistdash.exceptions import RunError
from mnistdash.runs import events, store, throughput
from mnistdash.runs.config import RunConfig
from mnistdash.runs.run import ACTIVE, CONFIG, LOG, Run, ask_to_stop, is_asked_to_stop, log_tail
from mnistdash.settings import PROJECT, Settings
from mnistdash.system import liveness
from mnistdash.system.atomic import atomic_write_json
from mnistdash.system.liveness import LivenessLock
from mnistdash.system.resources import available_memory, usable_cores

log = logging.getLogger(__name__)

GRACE = 25  # seconds that children have to keep their best weights when the server ends
WANTED = 60  # seconds that a spare process outlives the last request for one
CHECK = 2  # seconds between two looks whether it is still wanted, or whether others still train
ROOM = 1_000_000_000  # bytes that must be free before a spare is started: the largest run takes 0.76 GB
CLAIMS = "claims"  # the file in the folder of lifelines that dashboards lock to take runs over


@dataclass(frozen=True)
class _Job:
    process: subprocess.Popen
    began: float  # time.monotonic()


class JobQueue:
    """The queue of one server. All methods may be called from several threads at once."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._models = settings.models
        self._lock = threading.Lock()
        self._lifeline: LivenessLock | None = None  # until there is something to queue
        self._queue: deque[str] = deque()
        self._running: dict[str, _Job] = {}
        self._stopping: set[str] = set()
        self._tries_again = False
        self._closed = False
        self._may_stand_by = settings.stand_by and not settings.readonly
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
                self._spare = self._popen(["--stand-by"], subprocess.DEVNULL)
                self._measured = set()
                threading.Thread(target=self._retire, args=(self._spare,), daemon=True).start()
            return self._spare is not None

    def measure(self, config: RunConfig) -> bool:
        """Have the spare process measure how fast such runs are, for `speeds`; False where there is none."""
        if not self.stand_by():
            return False
        order = throughput.measuring_order(config)
        with self._lock:
            if self._spare is None:
                return False
            if str(order) in self._measured:
                return True
            self._measured.add(str(order))
            return _order(self._spare, order)

    def objection(self, count: int = 1, *, begins: bool = True) -> str | None:
        """Why there cannot be so many more runs now, or None.

        Args:
            count: of the runs.
            begins: whether they are to be trained; else they only need room.
        """
        settings = self._settings
        if settings.readonly:
            return "This dashboard is for looking only: nothing can be trained on it."
        with self._lock:
            free = settings.queue - len(self._queue) + (not self._running)
        if begins and count > free:
            return (
                f"At most {settings.queue} run{'s' * (settings.queue > 1)} may wait here, and {count} more would be "
                "too many: wait until some have ended, or cancel some."
            )
        kept = store.count_runs(self._models)
        if kept + count > settings.kept_runs:
            return f"At most {settings.kept_runs} runs are kept here, and there are {kept}: delete some first."
        return None

    def submit(self, config: RunConfig) -> None:
        """Make the run's folder and start it, now or as soon as those before it have ended.

        Raises:
            RunError: the folder cannot be made, or there are too many runs.
        """
        if objection := self.objection():
            raise RunError(objection)
        if (most := self._settings.images) is not None:
            config = replace(config, limit=min(most, config.limit or most))
        with self._lock:
            store.create_run(replace(config, queued_by=self._lifeline_name()), self._models)
            self._queue.append(config.name)
            log.info("queued", extra={"run": config.name, "recipe": config.recipe})
            self._start_next()

    def adopt(self, all_runs: Sequence[Run]) -> None:
        """Take over what dashboards that have ended left in their queues, the oldest first.

        Args:
            all_runs: as `runs.list_runs` gives them.
        """
        if self._settings.readonly:
            return
        orphans = [run for run in all_runs if self._is_orphan(run)]
        if not orphans:
            return
        with self._lock, contextlib.suppress(Timeout, OSError, RunError):
            name = self._lifeline_name()
            # Of two dashboards, one is first; it looks again, as the other may have been.
            with FileLock(self._models / liveness.FOLDER / CLAIMS).acquire(blocking=False):
                for orphan in reversed(orphans):
                    run = store.load_run(orphan.folder)
                    if self._is_orphan(run) and not self._closed:
                        atomic_write_json(run.folder / CONFIG, asdict(replace(run.config, queued_by=name)))
                        self._queue.append(run.name)
                        log.info("taken over", extra={"run": run.name, "recipe": run.config.recipe})
            self._start_next()

    def stop(self, name: str) -> None:
        """Stop a running run, which keeps its best weights, or take a queued one off the queue.

        It may be one of another dashboard, or one that was started in a terminal.
        """
        with self._lock:
            if name in self._queue:
                self._queue.remove(name)
                self._cancel(name)
            elif name in self._running:
                self._stopping.add(name)
                _order(self._running[name].process, {"stop": True})
            else:
                with contextlib.suppress(OSError, RunError):  # someone removed its folder
                    status = store.load_run(self._models / name).status
                    if status in ACTIVE:  # asked even where it is queued: it may begin now
                        ask_to_stop(self._models / name)
                    if status == "queued":
                        self._cancel(name)

    def state(self, name: str) -> str | None:
        """What this server is doing with a run: "queued", "running", "stopping", or None for nothing."""
        with self._lock:
            if name in self._stopping:
                return "stopping"
            if name in self._running:
                return "running"
            return "queued" if name in self._queue else None

    def close(self) -> None:
        """End all children: ask, wait for GRACE seconds, then kill.

        Queued runs are not begun; the next dashboard on this folder takes them over.
        """
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
        if self._lifeline is not None:
            self._lifeline.release()

    def _lifeline_name(self) -> str:
        if self._lifeline is None:
            try:
                liveness.remove_stale(self._models)
                self._lifeline = LivenessLock(self._models)
            except OSError as error:
                raise RunError(f"No run can be stored in {self._models}: {error.strerror or error}.") from error
        return self._lifeline.name

    def _is_orphan(self, run: Run) -> bool:
        return run.status == "queued" and not liveness.is_alive(self._models, run.config.queued_by)

    def _cancel(self, name: str) -> None:
        with contextlib.suppress(OSError):  # a full disk: another dashboard will take it over
            writer = events.EventWriter(self._models / name)
            writer.write("ended", status="stopped", reason="It was taken off the queue.")
        log.info("cancelled", extra={"run": name})

    def _start_next(self) -> None:
        while self._queue and not self._closed and self._may_begin():
            name = self._queue.popleft()
            if is_asked_to_stop(self._models / name):  # by another dashboard, which has said so in its events
                continue
            try:
                job = self._begin(name)
            except OSError as error:
                log.error("not begun", extra={"run": name, "reason": str(error)})
                if (self._models / name / CONFIG).is_file():  # the disk is full: it may have room later
                    self._queue.appendleft(name)
                    break
                continue  # someone removed its folder
            self._running[name] = job
            threading.Thread(target=self._supervise, args=(name, job), daemon=True).start()
        # The end of a run of this server calls this again; nothing else would.
        if self._queue and not self._running and not self._tries_again and not self._closed:
            self._tries_again = True
            threading.Thread(target=self._try_again, daemon=True).start()

    def _may_begin(self) -> bool:
        others = (run for run in store.list_runs(self._models) if run.name not in self._running)
        trains = sum(run.status == "running" for run in others)
        return len(self._running) + trains < self._settings.concurrent_runs

    def _try_again(self) -> None:
        """Wait until other dashboards' runs have ended, or a full disk has room."""
        while self._tries_again:
            time.sleep(CHECK)
            with self._lock:
                self._start_next()
                self._tries_again = bool(self._queue) and not self._running and not self._closed

    def _begin(self, name: str) -> _Job:
        folder = self._models / name
        # From here on no other dashboard takes it over.
        events.EventWriter(folder).write("begun", by=self._lifeline.name)
        spare, self._spare = self._spare, None
        if spare is not None and spare.poll() is None and _order(spare, {"train": name}):
            return _Job(spare, time.monotonic())
        with (folder / LOG).open("ab") as output:
            return _Job(self._popen(["--supervised", name], output), time.monotonic())

    def _popen(self, arguments: list[str], output: IO | int) -> subprocess.Popen:
        threads = str(self._settings.threads or usable_cores())
        return subprocess.Popen(
            _command(arguments),
            cwd=PROJECT,
            env={
                **os.environ,
                "MNISTDASH_MODELS": str(self._models),
                # Otherwise one thread for each core of the machine, also of those that a container may not use.
                "TF_NUM_INTRAOP_THREADS": threads,
                "OMP_NUM_THREADS": threads,
            },
            stdin=subprocess.PIPE,  # its end tells the child to stop, whatever happens to this process
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the server's terminal must reach the child through its input only.
            start_new_session=True,
        )

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
            if not any(event["event"] == "ended" for event in events.read_events(folder)[0]):
                reason = f"Its process {_how_it_ended(code)}. {log_tail(folder)}".strip()
                events.EventWriter(folder, job.began).write("ended", status="failed", reason=reason)
            run = store.load_run(folder)
            log.info("ended", extra={"run": name, "recipe": run.config.recipe, "status": run.status})
        except (OSError, RunError) as error:  # someone removed the folder, or the disk is full
            log.error("end not recorded", extra={"run": name, "reason": str(error)})
        finally:
            with self._lock:
                del self._running[name]
                self._stopping.discard(name)
                self._start_next()


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "mnistdash", "train", *arguments]


def _order(process: subprocess.Popen, order: dict) -> bool:
    """Tell a process what to do; False where it has ended."""
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
    except (OSError, ValueError):  # a pipe without a reader, or closed by this process
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
