"""One folder for each run: settings, events, log, and, once it has ended well, the model.

config.json   RunConfig          written first, by whoever asks for the run
events.jsonl  see `events`       appended by the process that trains
log.txt       its output         where the dashboard started it
model.keras   for Keras          (n, 28, 28) float32 in [0, 1] -> (n, 10) probabilities
model.tflite  the same for LiteRT
card.json     Card               written last: a folder with a card holds a usable model
"""

import json
import shutil
import tempfile
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from mnistdash import events
from mnistdash.configs import RunConfig, RunError, check_name
from mnistdash.files import write_json
from mnistdash.processes import Process

CONFIG, CARD, LOG = "config.json", "card.json", "log.txt"
KERAS, TFLITE = "model.keras", "model.tflite"
ACTIVE = ("queued", "running")
SHIPPED = "flagship"  # the model that comes with the dashboard: never renamed or deleted from it
LOG_TAIL = 2_000  # characters of a dead run's log that its reason quotes


class TrainingError(RunError):
    """A run cannot go on."""


@dataclass(frozen=True)
class Card:
    """What a finished model is and what it reaches.

    Accuracies are in [0, 1], losses the mean cross-entropy in nats, seconds those from the first
    step to the last validation, bytes those of the .tflite file. `validation_seen` says that the
    validation images were trained on too, which makes the validation figures too good. `precision` is
    that of the arithmetic, None in cards that know nothing of it.
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


@dataclass(frozen=True)
class Run:
    """A run's folder as it is now.

    Attributes:
        status: "queued", "running", "finished", "stopped" or "failed".
        reason: why it failed, else "".
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
        return (self.folder / TFLITE).stat().st_mtime_ns


def create(config: RunConfig, models: Path) -> Path:
    """Make the run's folder with its config.json, and return it.

    Raises:
        RunError: there is one of that name already, or the folder cannot be written to.
    """
    folder = models / config.name
    try:
        models.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        write_json(folder / CONFIG, asdict(config))
    except FileExistsError as error:
        raise RunError(f"There is a run named {config.name} already; choose another name.") from error
    except OSError as error:
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
    values = _read_json(folder / CONFIG, RunConfig)
    config = RunConfig(**{**values, "owner": Process(**values["owner"])})
    card = Card(**_read_json(folder / CARD, Card)) if _has_model(folder) else None
    status, reason = _status(folder, config, card)
    return Run(folder, config, status, reason, card)


def list_runs(models: Path) -> list[Run]:
    """All runs, newest first; a folder that cannot be read is passed over."""
    found = []
    for config in models.glob(f"*/{CONFIG}"):
        try:
            found.append(load(config.parent))
        except RunError:
            continue
    return sorted(found, key=lambda run: (-run.config.created, run.name))


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


def log_tail(folder: Path) -> str:
    """The end of a run's log, with a word on what it is, for the reason of a failure."""
    try:
        text = (folder / LOG).read_text(errors="replace").strip()
    except OSError:
        return ""
    return f"The end of its log:\n{text[-LOG_TAIL:]}" if text else "Its log is empty."


def _read_json(path: Path, kind: type) -> dict:
    try:
        values = json.loads(path.read_text())
        # A field with a default came later than some files did.
        return {
            field.name: values[field.name] for field in fields(kind) if field.default is MISSING or field.name in values
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: expected a JSON object that describes a {kind.__name__}, found something else.") from (
            error
        )


def _has_model(folder: Path) -> bool:
    return (folder / CARD).is_file() and (folder / TFLITE).is_file()


def _status(folder: Path, config: RunConfig, card: Card | None) -> tuple[str, str]:
    first, last = events.first_and_last(folder)
    if last is not None and last["event"] == "ended":
        return last["status"], last.get("reason", "")
    if card is not None:
        return card.status, ""
    if first is None:
        if config.owner.is_alive():
            return "queued", ""
        return "failed", "It was never begun: the dashboard that queued it has ended."
    if Process(first["pid"], first["process_created"]).is_alive():
        return "running", ""
    return "failed", f"Its process ended without a word. {log_tail(folder)}".strip()
