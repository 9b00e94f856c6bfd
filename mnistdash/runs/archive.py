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

from mnistdash.exceptions import ArchiveError
from mnistdash.runs import annotations, snapshots, store
from mnistdash.runs.card import Card, parse_record
from mnistdash.runs.config import MAX_EPOCHS, RunConfig, validate
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import CARD, CONFIG, ENDED, Run
from mnistdash.runs.store import RunError
from mnistdash.runs.weights import WEIGHTS, load_weights
from mnistdash.system.atomic import atomic_write_json

EVENTS = "events.jsonl"
NEEDED = {CONFIG, CARD, EVENTS, WEIGHTS}
MEMBER = re.compile(r"config\.json|card\.json|events\.jsonl|marks\.json|weights\.npz|epochs/[0-9]{4}\.npz")
MAX_BYTES = 150_000_000  # bytes, unpacked; the largest recipe's weights have 13 MB, its epochs 50 at most
MAX_MEMBERS = 1_100  # a run has at most 1,000 epochs
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class RunArchive:
    """What a zip holds, checked.

    Attributes:
        config: the run's settings, under its old name.
        card: what it reached where it was trained.
        files: name -> content.
    """

    config: RunConfig
    card: Card
    files: dict[str, bytes]


def pack_run(run: Run) -> bytes:
    """A finished run as a zip.

    Raises:
        ArchiveError: its weights were not kept, or its files cannot be read.
    """
    archive = io.BytesIO()
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(run.folder.rglob("*")):
                name = path.relative_to(run.folder).as_posix()
                if MEMBER.fullmatch(name) and path.is_file():
                    file.write(path, name)
            if missing := NEEDED - set(file.namelist()):
                raise ArchiveError(f"{run.name} cannot be packed: it lacks {', '.join(sorted(missing))}.")
    except OSError as error:
        raise ArchiveError(f"{run.name} cannot be packed: {error.strerror or error}.") from error
    return archive.getvalue()


def read_archive(source: BinaryIO) -> RunArchive:
    """Check a zip from anywhere.

    Raises:
        ArchiveError: it is not what `pack` makes.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            files = _contents(archive)
    except DAMAGED as error:
        raise ArchiveError("This is not a zip of a run, or it is damaged.") from error
    try:
        config = validate(parse_record(files[CONFIG], RunConfig, CONFIG))
        card = parse_record(files[CARD], Card, CARD)
        if config.recipe not in RECIPES:
            raise ArchiveError("This run follows a recipe that is not known here.")
        if card.status not in ENDED or not 0 <= card.best_epoch <= MAX_EPOCHS:
            raise ArchiveError("What this run is said to have reached makes no sense.")
        _check_arrays(files)
    except ArchiveError:
        raise
    except RunError as error:
        raise ArchiveError(f"This zip cannot be restored: {error}") from error
    except DAMAGED as error:
        raise ArchiveError("A file inside this zip is damaged.") from error
    return RunArchive(config, card, files)


def unpack_run(backup: RunArchive, name: str, folder: Path) -> Run:
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
    config = replace(backup.config, name=name, start=None)
    atomic_write_json(folder / CONFIG, asdict(config))
    return store.load_run(folder)


def _contents(archive: zipfile.ZipFile) -> dict[str, bytes]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(names) > MAX_MEMBERS or len(names) != len(set(names)) or sum(m.file_size for m in members) > MAX_BYTES:
        raise ArchiveError("This zip holds more than a run does.")
    if strange := [name for name in names if not MEMBER.fullmatch(name)]:
        raise ArchiveError(f"This zip holds {strange[0][:40]!r}, which no run has.")
    if missing := NEEDED - set(names):
        raise ArchiveError(f"This zip is not a run's: it lacks {', '.join(sorted(missing))}.")
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
            if sum(member.file_size for member in arrays.infolist()) > MAX_BYTES:
                raise ArchiveError("This zip holds more than a run does.")
        if name == WEIGHTS:
            load_weights(io.BytesIO(content))
        else:
            try:
                snapshots.check_snapshot(content)
            except RunError as error:
                raise ArchiveError(f"{name} inside this zip is damaged.") from error
    if "marks.json" in files:
        annotations.parse_annotations(json.loads(files["marks.json"]))
