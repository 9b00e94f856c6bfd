"""A run as its folder describes it: settings, status, model."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from mnistdash.exceptions import RunError
from mnistdash.runs import events
from mnistdash.runs.card import ENDED, Card
from mnistdash.runs.config import RunConfig
from mnistdash.system.locks import is_locked

CONFIG, CARD, LOG, STOP, LOCK = "config.json", "card.json", "log.txt", "stop", ".lock"
KERAS, TFLITE = "model.keras", "model.tflite"

ACTIVE = ("queued", "running")
MAX_LOG_QUOTE = 2_000  # characters
FULL_DISK_BYTES = 1_000_000  # a disk with less free space counts as full


@dataclass(frozen=True)
class Run:
    """The state of a run's folder when it was read.

    Attributes:
        status: "queued", "running", "finished", "stopped" or "failed".
        reason: why it failed, or who stopped it if no user did; else "".
        card: None until there is a usable model.
    """

    folder: Path
    config: RunConfig
    status: str
    reason: str
    card: Card | None

    @property
    def name(self) -> str:
        """Return the name of the run and its folder."""
        return self.folder.name

    @property
    def version(self) -> int:
        """Return a number that changes when the model changes, for cache keys."""
        try:
            return (self.folder / TFLITE).stat().st_mtime_ns
        except OSError:
            return 0


def read_status(folder: Path, card: Card | None) -> tuple[str, str]:
    """Return the status of a run and the reason for it.

    A run without events is queued. The process that trains it holds its lock, then writes the first event.
    """
    last = events.last_event(folder)
    if last is not None and last["event"] == "ended" and last.get("status") in ENDED:
        return last["status"], str(last.get("reason", ""))
    if card is not None:
        return card.status, ""
    if is_locked(folder / LOCK):
        return "running", ""
    if last is None:
        return "queued", ""
    full = "The disk is full. Free some space." if is_disk_full(folder) else ""
    return "failed", " ".join(filter(None, ["Its process ended unexpectedly.", full, quote_log(folder)]))


def is_asked_to_stop(folder: Path) -> bool:
    """Return True if someone asked the run to stop."""
    return (folder / STOP).exists()


def is_disk_full(folder: Path) -> bool:
    """Return True if the disk of a folder has next to no free space."""
    try:
        return shutil.disk_usage(folder).free < FULL_DISK_BYTES
    except OSError:
        return False


def quote_log(folder: Path) -> str:
    """Return the end of a run's log with a heading, or "" if there is no log."""
    try:
        text = (folder / LOG).read_text(errors="replace").strip()
    except OSError:
        return ""
    return f"The end of its log:\n{text[-MAX_LOG_QUOTE:]}" if text else "Its log is empty."


def check_model(run: Run) -> None:
    """Check that a run's .tflite file is the one that its card describes.

    Raises:
        RunError: it is missing or another file.
    """
    if run.card is None:
        raise RunError(f"The run {run.name} has no model.")
    path = run.folder / TFLITE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{run.name}/{TFLITE} cannot be read ({error.strerror or error}).") from error
    known = run.card.sha256
    if len(content) != run.card.bytes or known not in (None, hashlib.sha256(content).hexdigest()):
        raise RunError(f"{run.name}/{TFLITE} is not the file that this run made. Restore it or train the run again.")
