"""A run as a zip that can be brought back, for hosts whose disk does not last.

What is inside is settings, events, figures, marks, and the weights as plain arrays. There is no model in it: one is
built anew from the recipe and filled with the weights, so that nothing from elsewhere is ever run, or read by
anything but NumPy and a JSON reader.
"""

import io
import json
import re
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mnistdash.runs import annotations, snapshots, store
from mnistdash.runs.config import MOST_EPOCHS, RunConfig, checked
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.store import CARD, CONFIG, Run, RunError
from mnistdash.system.atomic import write_json

WEIGHTS = "weights.npz"  # arrays "0", "1" … float32, in the order of Keras's `get_weights`
EVENTS = "events.jsonl"
NEEDED = {CONFIG, CARD, EVENTS, WEIGHTS}
MEMBER = re.compile(r"config\.json|card\.json|events\.jsonl|marks\.json|weights\.npz|epochs/[0-9]{4}\.npz")
LARGEST = 150_000_000  # bytes, unpacked; the largest recipe's weights have 13 MB, its epochs 50 at most
MOST_MEMBERS = 1_100  # a run has at most 1,000 epochs
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError, MemoryError)


class BackupError(RunError):
    """A zip is no run's, or is damaged; the message is one sentence for the user."""


@dataclass(frozen=True)
class Backup:
    """What a zip holds, checked.

    Attributes:
        config: the run's settings, under its old name.
        card: what it reached where it was trained.
        files: name -> content.
    """

    config: RunConfig
    card: store.Card
    files: dict[str, bytes]


def can_continue(run: Run) -> bool:
    """Whether a run has ended with weights to go on from, and its recipe says how."""
    has_weights = run.card is not None or (run.folder / WEIGHTS).is_file()
    return has_weights and run.config.recipe in RECIPES and run.status not in store.ACTIVE


def pack(run: Run) -> bytes:
    """A finished run as a zip.

    Raises:
        BackupError: its weights were not kept, or its files cannot be read.
    """
    archive = io.BytesIO()
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(run.folder.rglob("*")):
                name = path.relative_to(run.folder).as_posix()
                if MEMBER.fullmatch(name) and path.is_file():
                    file.write(path, name)
            if missing := NEEDED - set(file.namelist()):
                raise BackupError(f"{run.name} cannot be packed: it lacks {', '.join(sorted(missing))}.")
    except OSError as error:
        raise BackupError(f"{run.name} cannot be packed: {error.strerror or error}.") from error
    return archive.getvalue()


def read(source: BinaryIO) -> Backup:
    """Check a zip from anywhere.

    Raises:
        BackupError: it is not what `pack` makes.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            files = _contents(archive)
    except DAMAGED as error:
        raise BackupError("This is not a zip of a run, or it is damaged.") from error
    try:
        config = checked(store.parse(files[CONFIG], RunConfig, CONFIG))
        card = store.parse(files[CARD], store.Card, CARD)
        if config.recipe not in RECIPES:
            raise BackupError("This run follows a recipe that is not known here.")
        if card.status not in store.ENDED or not 0 <= card.best_epoch <= MOST_EPOCHS:
            raise BackupError("What this run is said to have reached makes no sense.")
        _check_arrays(files)
    except BackupError:
        raise
    except RunError as error:
        raise BackupError(f"This zip cannot be restored: {error}") from error
    except DAMAGED as error:
        raise BackupError("A file inside this zip is damaged.") from error
    return Backup(config, card, files)


def unpack(backup: Backup, name: str, folder: Path) -> Run:
    """Write a run's files, all but its card and its model, into an empty folder.

    Args:
        backup: what to write.
        name: that the run has from now on.
        folder: where to; its own name need not be that.

    Returns:
        The run, without a model yet.
    """
    for file, content in backup.files.items():
        if file not in (CONFIG, CARD):
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content)
    config = replace(backup.config, name=name, queued_by="", start=None)
    write_json(folder / CONFIG, asdict(config))
    return store.load(folder)


def read_weights(path: Path | BinaryIO) -> list[np.ndarray]:
    """The arrays of a WEIGHTS file, in their order.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile: there is none, or it is damaged.
    """
    with np.load(path, allow_pickle=False) as arrays:
        found = [arrays[str(number)] for number in range(len(arrays.files))]
    if not found or any(array.dtype != np.float32 or not np.isfinite(array).all() for array in found):
        raise ValueError("weights are finite float32 numbers")
    return found


def _contents(archive: zipfile.ZipFile) -> dict[str, bytes]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(names) > MOST_MEMBERS or len(names) != len(set(names)) or sum(m.file_size for m in members) > LARGEST:
        raise BackupError("This zip holds more than a run does.")
    if strange := [name for name in names if not MEMBER.fullmatch(name)]:
        raise BackupError(f"This zip holds {strange[0][:40]!r}, which no run has.")
    if missing := NEEDED - set(names):
        raise BackupError(f"This zip is not a run's: it lacks {', '.join(sorted(missing))}.")
    files = {}
    for member in members:
        with archive.open(member) as file:
            # What its header says is not to be trusted.
            files[member.filename] = file.read(member.file_size + 1)
        if len(files[member.filename]) != member.file_size:
            raise zipfile.BadZipFile(member.filename)
    return files


def _check_arrays(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if not name.endswith(".npz"):
            continue
        with zipfile.ZipFile(io.BytesIO(content)) as arrays:  # a zip inside the zip, which could be a bomb again
            if sum(member.file_size for member in arrays.infolist()) > LARGEST:
                raise BackupError("This zip holds more than a run does.")
        if name == WEIGHTS:
            read_weights(io.BytesIO(content))
        else:
            try:
                snapshots.check(content)
            except RunError as error:
                raise BackupError(f"{name} inside this zip is damaged.") from error
    if "marks.json" in files:
        annotations.parse(json.loads(files["marks.json"]))
