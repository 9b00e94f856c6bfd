"""A run as a zip that can be restored, for hosts whose disk does not last.

The zip holds settings, events, results, annotations, and the weights as plain arrays, but no model: that is rebuilt
from the recipe and the weights. Content from elsewhere is never executed; only NumPy and a JSON parser read it.
"""

import io
import re
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from mnistdash.exceptions import ArchiveError, RunError
from mnistdash.runs import annotations, events, snapshots
from mnistdash.runs.card import Card, parse_card
from mnistdash.runs.config import RunConfig, parse_config
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import CARD, CONFIG, Run
from mnistdash.runs.weights import WEIGHTS, load_weights
from mnistdash.system.atomic import atomic_write_json

REQUIRED = {CONFIG, CARD, events.FILE_NAME, WEIGHTS}
MEMBER = re.compile(r"config\.json|card\.json|events\.jsonl|marks\.json|weights\.npz|epochs/[0-9]{4}\.npz")
MAX_BYTES = 150_000_000  # unpacked; the largest recipe's weights have 13 MB, its epochs 50 at most
MAX_MEMBERS = 1_100  # a run has at most 1,000 epochs
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class RunArchive:
    """The validated content of a zip.

    Attributes:
        config: the run's settings, under its old name.
        card: the results where it was trained.
        files: name -> content.
    """

    config: RunConfig
    card: Card
    files: dict[str, bytes]


def pack_run(run: Run) -> bytes:
    """Return a finished run as a zip.

    Raises:
        ArchiveError: its weights were not saved, or its files cannot be read.
    """
    content = io.BytesIO()
    try:
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(run.folder.rglob("*")):
                name = path.relative_to(run.folder).as_posix()
                if MEMBER.fullmatch(name) and path.is_file():
                    archive.write(path, name)
            if missing := REQUIRED - set(archive.namelist()):
                raise ArchiveError(f"{run.name} cannot be packed: {', '.join(sorted(missing))} is missing.")
    except OSError as error:
        raise ArchiveError(f"{run.name} cannot be packed: {error.strerror or error}.") from error
    return content.getvalue()


def read_archive(source: BinaryIO) -> RunArchive:
    """Read and validate a zip from anywhere.

    Raises:
        ArchiveError: `pack_run` did not make it, or it is damaged.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            files = _read_members(archive)
        config = parse_config(files[CONFIG], CONFIG)
        if config.recipe not in RECIPES:
            raise ArchiveError("This zip cannot be restored: the run's recipe does not exist here.")
        card = parse_card(files[CARD], CARD)
        for name, content in files.items():
            _check_member(name, content)
    except ArchiveError:
        raise
    except RunError as error:
        raise ArchiveError(f"This zip cannot be restored: {error}") from error
    except _DAMAGED as error:
        raise ArchiveError("This is not the zip of a run, or it is damaged.") from error
    return RunArchive(config, card, files)


def unpack_run(archive: RunArchive, name: str, folder: Path) -> RunConfig:
    """Write a run's files, except its card and its model, into an empty folder.

    Args:
        archive: to write.
        name: new name of the run.
        folder: to write to; it may be called differently.

    Returns:
        The settings of the run, which has no model yet.
    """
    for file, content in archive.files.items():
        if file not in (CONFIG, CARD):
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content)
    config = replace(archive.config, name=name, start=None)
    atomic_write_json(folder / CONFIG, asdict(config))
    return config


def _read_members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    names = archive.namelist()
    if len(names) > MAX_MEMBERS or len(names) != len(set(names)) or _unpacked_bytes(archive) > MAX_BYTES:
        raise ArchiveError("This zip contains more than a run.")
    if unknown := [name for name in names if not MEMBER.fullmatch(name)]:
        raise ArchiveError(f"This zip contains {unknown[0][:40]!r}, which is not part of a run.")
    if missing := REQUIRED - set(names):
        raise ArchiveError(f"This is not the zip of a run: {', '.join(sorted(missing))} is missing.")
    return {name: archive.read(name) for name in names}


def _unpacked_bytes(archive: zipfile.ZipFile) -> int:
    # `ZipFile.read` stops at the size in the header, even if that is wrong.
    return sum(member.file_size for member in archive.infolist())


def _check_member(name: str, content: bytes) -> None:
    if name.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(content)) as arrays:  # may be a zip bomb, too
            if _unpacked_bytes(arrays) > MAX_BYTES:
                raise ArchiveError("This zip contains more than a run.")
        if name == WEIGHTS:
            load_weights(io.BytesIO(content))
        else:
            snapshots.parse_snapshot(io.BytesIO(content), name)
    elif name == annotations.FILE:
        annotations.parse_annotations(content)
