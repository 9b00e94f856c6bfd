"""Run."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from mnistdash.exceptions import RunError
from mnistdash.runs import events
from mnistdash.runs.card import ENDED, Card
from mnistdash.runs.config import RunConfig
from mnistdash.system import liveness

CONFIG, CARD, LOG, STOP = "config.json", "card.json", "log.txt", "stop"


KERAS, TFLITE = "model.keras", "model.tflite"


ACTIVE = ("queued", "running")


LOG_TAIL = 2_000  # characters of a dead run's log that its reason quotes


FULL = 1_000_000  # bytes; with less of the disk free, that is why a process ended


@dataclass(frozen=True)
class Run:
    """A run's folder as it is now.

    Attributes:
        status: "queued", "running", "finished", "stopped" or "failed".
        reason: why it failed, or was stopped by other than a user; else "".
        card: None until there is a usable model.
    """

    folder: Path
    config: RunConfig
    status: str
    reason: str
    card: Card | None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def version(self) -> int:
        """Changes when the model does; a key for caches."""
        try:
            return (self.folder / TFLITE).stat().st_mtime_ns
        except OSError:
            return 0


def ask_to_stop(folder: Path) -> None:
    """Have the process that trains a run stop soon, whoever started it.

    Raises:
        OSError: the folder cannot be written to.
    """
    (folder / STOP).touch()


def is_asked_to_stop(folder: Path) -> bool:
    """Whether someone asked that."""
    return (folder / STOP).exists()


def log_tail(folder: Path) -> str:
    """The end of a run's log, with a word on what it is, for the reason of a failure."""
    try:
        text = (folder / LOG).read_text(errors="replace").strip()
    except OSError:
        return ""
    return f"The end of its log:\n{text[-LOG_TAIL:]}" if text else "Its log is empty."


def check_model(run: Run) -> None:
    """Raise RunError unless a run's .tflite file is the one that its card describes."""
    path = run.folder / TFLITE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{run.name}/{TFLITE} cannot be read ({error.strerror or error}).") from error
    known = run.card.sha256
    if len(content) != run.card.bytes or known not in (None, hashlib.sha256(content).hexdigest()):
        raise RunError(
            f"{run.name}/{TFLITE} is not the file that this run made: bring that back, or train the run again."
        )


def read_status(folder: Path, card: Card | None) -> tuple[str, str]:
    first, last = events.ends(folder)
    if last is not None and last["event"] == "ended" and last.get("status") in ENDED:
        return last["status"], str(last.get("reason", ""))
    if card is not None:
        return card.status, ""
    by_kind = {event["event"]: event for event in first}
    if "started" in by_kind:
        lifeline = by_kind["started"].get("lifeline")
    elif "begun" in by_kind:
        lifeline = by_kind["begun"].get("by")
    else:  # if the dashboard that queued it has ended, the next one takes it over
        return "queued", ""
    if liveness.is_alive(folder.parent, str(lifeline)):
        return "running", ""
    return "failed", f"Its process ended without a word.{_if_full(folder)} {log_tail(folder)}".strip()


def _if_full(folder: Path) -> str:
    try:
        return " The disk is full: make room." if shutil.disk_usage(folder).free < FULL else ""
    except OSError:
        return ""
