"""One folder for each run: settings, events, log, and, once it has ended well, the model.

config.json   RunConfig          written first, by whoever asks for the run
events.jsonl  see `events`       appended by the process that trains
log.txt       its output         where the dashboard started it
stop          nothing            asks its process to stop, for those who did not start it
model.keras   for Keras          (n, 28, 28) float32 in [0, 1] -> (n, 10) probabilities
model.tflite  the same for LiteRT
card.json     Card               written last: a folder with a card holds a usable model
"""

import hashlib
import json
import math
import shutil
import tempfile
import types
from dataclasses import MISSING, asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from mnistdash.runs import events
from mnistdash.runs.config import NameTakenError, RunConfig, RunError, check_name
from mnistdash.system import liveness
from mnistdash.system.atomic import write_json

CONFIG, CARD, LOG, STOP = "config.json", "card.json", "log.txt", "stop"
KERAS, TFLITE = "model.keras", "model.tflite"
ACTIVE = ("queued", "running")
ENDED = ("finished", "stopped", "failed")
SHIPPED = "flagship"  # the model that comes with the dashboard: never renamed or deleted from it
LOG_TAIL = 2_000  # characters of a dead run's log that its reason quotes
FULL = 1_000_000  # bytes; with less of the disk free, that is why a process ended


T = TypeVar("T")


class TrainingError(RunError):
    """A run cannot go on."""


@dataclass(frozen=True)
class Card:
    """What a finished model is and what it reaches.

    Accuracies are in [0, 1], losses the mean cross-entropy in nats, seconds those from the first
    step to the last validation, bytes those of the .tflite file. `validation_seen` says that the
    validation images were trained on too, which makes the validation figures too good. `precision` is
    that of the arithmetic, `sha256` that of the .tflite file; None in cards that know nothing of it.
    """

    name: str
    recipe: str
    status: str
    data: str
    parameters: int
    bytes: int
    best_epoch: int
    validation_accuracy: float
    validation_loss: float
    validation_seen: bool
    test_accuracy: float
    test_loss: float
    seconds: float
    versions: dict[str, str]
    precision: str | None = None
    sha256: str | None = None

    @property
    def validation(self) -> str:
        """The validation accuracy in percent, with a star where it is too good."""
        return f"{self.validation_accuracy:.2%}{'*' * self.validation_seen}"


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


def create(config: RunConfig, models: Path) -> Path:
    """Make the run's folder with its config.json, and return it.

    Raises:
        NameTakenError: there is one of that name already.
        RunError: the folder cannot be written to.
    """
    folder = models / config.name
    try:
        models.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        write_json(folder / CONFIG, asdict(config))
    except FileExistsError as error:
        raise NameTakenError(config.name) from error
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)  # without its settings it would be none
        raise RunError(f"The run cannot be stored in {models}: {error.strerror or error}.") from error
    return folder


def load(folder: Path) -> Run:
    """Read a run's folder.

    Raises:
        RunError: there is no such run, or its config.json cannot be read.
    """
    if not (folder / CONFIG).is_file():
        known = ", ".join(run.name for run in list_models(folder.parent)) or "none"
        raise RunError(f"There is no model named {folder.name} (models: {known}).")
    config = _read(folder / CONFIG, RunConfig)
    card, trouble = None, ""
    if (folder / CARD).is_file():
        try:
            card = _read(folder / CARD, Card)
            if not (folder / TFLITE).is_file():
                card, trouble = None, f"{folder.name}/{TFLITE} is missing: bring it back, or train the run again."
        except RunError as error:
            trouble = str(error)
    status, reason = ("failed", trouble) if trouble else _status(folder, card)
    return Run(folder, config, status, reason, card)


def survey(models: Path) -> tuple[list[Run], list[str]]:
    """All runs, newest first; and a sentence for each folder that cannot be read."""
    found, objections = [], []
    for config in models.glob(f"*/{CONFIG}"):
        try:
            found.append(load(config.parent))
        except RunError as error:
            objections.append(str(error))
    return sorted(found, key=lambda run: (-run.config.created, run.name)), sorted(objections)


def list_runs(models: Path) -> list[Run]:
    """All runs, newest first; a folder that cannot be read is passed over."""
    return survey(models)[0]


def count(models: Path) -> int:
    """How many runs there are, readable or not."""
    return sum(1 for _ in models.glob(f"*/{CONFIG}"))


def list_models(models: Path) -> list[Run]:
    """The runs that hold a usable model, the flagship first, then the newest."""
    usable = [run for run in list_runs(models) if run.card is not None]
    return sorted(usable, key=lambda run: run.name != SHIPPED)


def load_model(name: str, models: Path) -> Run:
    """The run of this name, with its model.

    Raises:
        RunError: there is no such run, or it holds no model.
    """
    check_name(name)
    run = load(models / name)
    if run.card is None:
        raise RunError(f"The run {name} is {run.status} and has no model.")
    return run


def rename(run: Run, name: str) -> None:
    """Give a run another name.

    Raises:
        RunError: it is active or shipped, the name is taken or not a name, or the folder cannot be written to.
    """
    if name == run.name:
        return
    _check_free(run)
    check_name(name)
    folder = run.folder.with_name(name)
    if folder.exists():
        raise RunError(f"There is a run named {name} already; choose another name.")
    try:
        # What the files say comes first: a folder with its old name still is that run.
        for file in (CONFIG, CARD):
            if (run.folder / file).is_file():
                write_json(run.folder / file, json.loads((run.folder / file).read_text()) | {"name": name})
        run.folder.rename(folder)
    except OSError as error:
        raise RunError(f"The run {run.name} cannot be renamed: {error.strerror or error}.") from error


def remove(run: Run) -> None:
    """Delete a run for good.

    Raises:
        RunError: it is active or shipped, or the folder cannot be written to.
    """
    _check_free(run)
    try:
        delete(run.folder)
    except OSError as error:
        raise RunError(f"The run {run.name} cannot be deleted: {error.strerror or error}.") from error


def _check_free(run: Run) -> None:
    if run.name == SHIPPED:
        raise RunError(f"{SHIPPED} comes with the dashboard and stays as it is.")
    if load(run.folder).status in ACTIVE:
        raise RunError(f"The run {run.name} is {run.status}; stop it first.")


def delete(folder: Path) -> None:
    """Remove a run's folder; seen from outside, all of it at once."""
    aside = Path(tempfile.mkdtemp(prefix=".deleted-", dir=folder.parent))
    folder.replace(aside / folder.name)
    shutil.rmtree(aside, ignore_errors=True)


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


def _read(path: Path, kind: type[T]) -> T:
    what = f"{path.parent.name}/{path.name}"
    try:
        now = path.stat()
        # Every stroke on Draw asks for all models: a file is read again when it is another one.
        return _parsed(path, kind, what, (now.st_ino, now.st_mtime_ns, now.st_size))
    except OSError as error:
        raise RunError(f"{what} cannot be read ({error.strerror or error}).") from error


@lru_cache(maxsize=1_000)
def _parsed(path: Path, kind: type[T], what: str, state: tuple[int, int, int]) -> T:
    return parse(path.read_bytes(), kind, what)


def parse(content: bytes, kind: type[T], what: str) -> T:
    """A RunConfig or Card from JSON.

    Args:
        content: of a file.
        kind: the dataclass that it describes.
        what: what to name in errors.

    Raises:
        RunError: it does not describe one.
    """
    try:
        values = json.loads(content)
        # A field with a default came later than some files did.
        found = {
            field.name: values[field.name] for field in fields(kind) if field.default is MISSING or field.name in values
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunError(f"{what}: expected a JSON object that describes a {kind.__name__}, found something else.") from (
            error
        )
    for field in fields(kind):
        if field.name in found and not _fits(found[field.name], field.type):
            raise RunError(f"{what}: {field.name} of a {kind.__name__} cannot be {str(found[field.name])[:40]!r}.")
    return kind(**found)


def _fits(value: object, kind: Any) -> bool:
    """Whether a value from a JSON file is of a field's type."""
    if isinstance(kind, types.UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    plain = get_origin(kind) or kind
    if plain is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, plain) and not (plain is int and isinstance(value, bool))


def _status(folder: Path, card: Card | None) -> tuple[str, str]:
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
    if liveness.is_held(folder.parent, str(lifeline)):
        return "running", ""
    return "failed", f"Its process ended without a word.{_if_full(folder)} {log_tail(folder)}".strip()


def _if_full(folder: Path) -> str:
    try:
        return " The disk is full: make room." if shutil.disk_usage(folder).free < FULL else ""
    except OSError:
        return ""
