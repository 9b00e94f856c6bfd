"""The queue of runs in a folder of models.

A run is queued while its folder has no events. Several dashboards may share the folder: the one that holds the lock of
the queue starts the runs, and every other one tries to acquire that lock. A run counts as running while a process holds
its lock, also if that process was started in a terminal.
"""

import logging
import threading
from contextlib import suppress
from dataclasses import replace

from mnistdash.exceptions import RunError
from mnistdash.jobs.processes import WarmWorker, Worker, end_workers
from mnistdash.runs import events, store
from mnistdash.runs.config import RunConfig
from mnistdash.runs.run import ACTIVE, LOCK, STOP, Run, is_asked_to_stop, is_disk_full
from mnistdash.settings import Settings
from mnistdash.system.locks import ProcessLock, try_lock
from mnistdash.system.logging import error_fields

log = logging.getLogger(__name__)

QUEUE_LOCK = ".queue.lock"
UPDATE_SECONDS = 2.0  # between two looks at the folder
STALE_SECONDS = 15.0  # without renewal until the holder of the queue's lock counts as frozen


class JobQueue:
    """The queue as one dashboard sees it. Methods may be called from several threads."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._models = settings.models
        self._lock = threading.RLock()
        self._queue_lock = ProcessLock(settings.models / QUEUE_LOCK)
        self._workers: dict[str, Worker] = {}  # by the name of their run
        self._warm = WarmWorker(settings)
        self._closed = threading.Event()

    def start(self) -> None:
        """Update the queue every UPDATE_SECONDS from now on; a read-only dashboard never does."""
        if not self._settings.readonly:
            threading.Thread(target=self._update_regularly, daemon=True, name="job queue").start()

    def update(self) -> None:
        """Start queued runs, the oldest first, if this process holds the queue's lock or acquires it now."""
        with self._lock:
            if self._closed.is_set() or not self._holds_queue():
                return
            runs = store.list_runs(self._models)
            active = {run.name for run in runs if run.status == "running"} | self._workers.keys()
            queued = [run.name for run in reversed(runs) if run.status == "queued" and run.name not in active]
            if queued and is_disk_full(self._models):
                return
            for name in queued:
                if len(active) < self._settings.concurrent_runs and self._begin(name):
                    active.add(name)
            self._warm.update(idle=not active)

    def keep_warm(self) -> None:
        """Ask for a warm worker for the next minute, so that the next run starts sooner."""
        self._warm.want()

    def check_limits(self, count: int = 1, *, queued: bool = True) -> None:
        """Check that so many runs can be added now.

        Args:
            count: number of new runs.
            queued: True if they are to be trained, False if they only need space.

        Raises:
            RunError: they cannot.
        """
        settings = self._settings
        if settings.readonly:
            raise RunError("Read-only mode: training is disabled.")
        if queued:
            active = sum(run.status in ACTIVE for run in store.list_runs(self._models))
            if active + count > settings.queue + settings.concurrent_runs:
                raise RunError(
                    f"At most {settings.queue} run{'s' * (settings.queue > 1)} can be queued. Wait until some have "
                    "ended, or cancel some."
                )
        stored = store.count_runs(self._models)
        if stored + count > settings.kept_runs:
            raise RunError(f"At most {settings.kept_runs} runs can be stored, and there are {stored}. Delete some.")

    def submit(self, config: RunConfig) -> None:
        """Create a run's folder, which queues the run, and start it if its turn has come.

        Raises:
            RunError: the folder cannot be created, or there are too many runs.
        """
        if (most := self._settings.images) is not None:
            config = replace(config, limit=min(most, config.limit or most))
        with self._lock:
            self.check_limits()
            store.create_run(config, self._models)
            log.info("queued", extra={"run": config.name, "recipe": config.recipe})
            self.update()

    def stop(self, name: str) -> None:
        """Stop a running run, which saves its best weights, or cancel a queued one, whoever started it."""
        folder = self._models / name
        with suppress(OSError, RunError):  # the folder is gone, or the disk is full
            if store.load_run(folder).status not in ACTIVE:
                return
            (folder / STOP).touch()
            with try_lock(folder / LOCK) as acquired:
                if acquired and events.last_event(folder) is None:
                    writer = events.EventWriter(folder)
                    writer.write("ended", status="stopped", reason="Canceled before it started.")
                    log.info("canceled", extra={"run": name})

    def state(self, run: Run) -> str | None:
        """Return "queued", "running" or "stopping", or None if a run is not active."""
        if run.status not in ACTIVE:
            return None
        if is_asked_to_stop(run.folder):
            return "stopping"
        return "running" if run.name in self._workers else run.status

    def notice(self) -> str | None:
        """Return a warning if another dashboard runs the queue and does not respond, else None."""
        if self._settings.readonly or self._queue_lock.is_held:
            return None
        if self._queue_lock.seconds_since_renewal() < STALE_SECONDS:
            return None
        return "Another dashboard runs the queue but does not respond. Queued runs start once it responds or ends."

    def close(self) -> None:
        """End all workers; another dashboard may then run the queue."""
        self._closed.set()
        with self._lock:
            self._warm.end()
            workers = list(self._workers.values())
        end_workers(workers)
        self._queue_lock.release()

    def _update_regularly(self) -> None:
        while True:
            try:
                self.update()
            except Exception as error:  # the thread must go on, whatever is wrong with the folder
                log.error("queue not updated", extra=error_fields(error))
            if self._closed.wait(UPDATE_SECONDS):
                return

    def _holds_queue(self) -> bool:
        try:
            if self._queue_lock.acquire():
                self._queue_lock.renew()
                return True
        except OSError:  # this process may only read the folder
            return False
        self._queue_lock.seconds_since_renewal()
        return False

    def _begin(self, name: str) -> bool:
        try:
            worker = self._warm.take(name) or Worker(self._settings, name)
        except OSError as error:  # the disk is full, or someone removed the folder
            log.error("not started", extra={"run": name, "reason": str(error)})
            return False
        self._workers[name] = worker
        threading.Thread(target=self._supervise, args=(name, worker), daemon=True, name=f"supervise {name}").start()
        return True

    def _supervise(self, name: str, worker: Worker) -> None:
        folder = self._models / name
        try:
            worker.wait_for_end(folder)
            run = store.load_run(folder)
            log.info("ended", extra={"run": name, "recipe": run.config.recipe, "status": run.status})
        except (OSError, RunError) as error:
            log.error("end not recorded", extra={"run": name, "reason": str(error)})
        with self._lock:
            del self._workers[name]
            self.update()
