"""One folder for each run: settings, events, log, and, once it has ended well, the model.

config.json   RunConfig          written first, by whoever asks for the run
events.jsonl  see `events`       appended by the process that trains
log.txt       its output         where the dashboard started it
model.keras   for Keras          (n, 28, 28) float32 in [0, 1] -> (n, 10) probabilities
model.tflite  the same for LiteRT
card.json     Card               written last: a folder with a card holds a usable model
"""

import json
import re
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mnistdash import events
from mnistdash.files import write_json
from mnistdash.processes import Process
from mnistdash.recipes import Recipe

CONFIG, CARD, LOG = "config.json", "card.json", "log.txt"
KERAS, TFLITE = "model.keras", "model.tflite"
ACTIVE = ("queued", "running")
LOG_TAIL = 2_000  # characters of a dead run's log that its reason quotes
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class RunError(Exception):
    """A run cannot be made, found or used; the message is one sentence for the user."""


class TrainingError(RunError):
    """A run cannot go on."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run trains.

    Attributes:
        name: of the run and its folder.
        recipe: key into `RECIPES`.
        epochs: passes over the training images, or None where `steps` is given.
        steps: optimizer steps, or None where `epochs` is given.
        batch_size: images per step.
        learning_rate: peak of the recipe's schedule.
        seed: of weights, order, dropout and augmentation.
        limit: train on this many images only; None for all.
        precision: "float32" or "bfloat16", of the arithmetic; weights stay float32.
        created: seconds since 1970.
        owner: the process that asked for the run: while it lives, the run may still begin.
    """

    name: str
    recipe: str
    epochs: int | None
    steps: int | None
    batch_size: int
    learning_rate: float
    seed: int
    limit: int | None
    precision: str
    created: float
    owner: Process


@dataclass(frozen=True)
class Card:
    """What a finished model is and what it reaches.

    Accuracies are in [0, 1], losses the mean cross-entropy in nats, seconds those of the whole
    run. `validation_seen` says that the validation images were trained on too, which makes the
    validation figures too good.
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


def configure(
    recipe: Recipe,
    models: Path,
    *,
    name: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    limit: int | None = None,
    precision: str = "float32",
) -> RunConfig:
    """Fill in what is left open from the recipe, and find a free name.

    Raises:
        RunError: a value is out of range, or the name is taken or not a name.
    """
    for label, value in (("epochs", epochs), ("batch size", batch_size), ("number of images", limit)):
        if value is not None and value < 1:
            raise RunError(f"The {label} must be at least 1, not {value}.")
    if learning_rate is not None and not 0 < learning_rate < float("inf"):
        raise RunError(f"The learning rate must be above 0, not {learning_rate}.")
    if seed < 0:
        raise RunError(f"The seed must be at least 0, not {seed}.")
    if name is not None:
        check_name(name)
        if (models / name).exists():
            raise RunError(f"There is a run named {name} already; choose another name.")
    return RunConfig(
        name=name or _free_name(recipe.name, models),
        recipe=recipe.name,
        epochs=epochs or recipe.epochs,
        steps=None if epochs else recipe.steps,
        batch_size=batch_size or recipe.batch_size,
        learning_rate=learning_rate or recipe.learning_rate,
        seed=seed,
        limit=limit,
        precision=precision,
        created=time.time(),
        owner=Process.current(),
    )


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
    return sorted(usable, key=lambda run: run.name != "flagship")


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


def delete(folder: Path) -> None:
    """Remove a run; seen from outside, all of it at once."""
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


def check_name(name: str) -> None:
    """Raise RunError unless `name` can be a run's folder."""
    if not _NAME.fullmatch(name):
        raise RunError(
            f"{name!r} cannot be a run's name: use 1 to 64 lower-case letters, digits, dots, dashes and "
            "underscores, beginning with a letter or digit."
        )


def _read_json(path: Path, kind: type) -> dict:
    try:
        values = json.loads(path.read_text())
        return {field.name: values[field.name] for field in fields(kind)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: expected a JSON object that describes a {kind.__name__}, found something else.") from (
            error
        )


def _free_name(stem: str, models: Path) -> str:
    names = (f"{stem}-{number}" for number in range(1, 1_000_000))
    return next(name for name in names if not (models / name).exists())


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
