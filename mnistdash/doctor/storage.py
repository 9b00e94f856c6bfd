"""Whether the data is there, and folders can be written to."""

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mnistdash.doctor.findings import OK, PROBLEM, WARNING, Finding, size

if TYPE_CHECKING:
    from mnistdash.settings import Settings

LOW_MODELS = 1_000_000_000  # bytes; the largest run takes 40 MB: two models of 13 MB, its answers 12 MB
LOW_CACHE = 100_000_000  # bytes; MNIST takes 12 MB
ROOM = "Make room: delete runs or other files."


def mnist(settings: "Settings") -> Iterator[Finding]:
    """Whether MNIST is at hand, and is MNIST."""
    from mnistdash.data.mnist import is_complete

    if settings.data is not None:
        if is_complete(settings.data):
            yield from _verified(settings, settings.data, PROBLEM, "Bring that file again, or unset MNISTDASH_DATA.")
            return
        what = f"MNISTDASH_DATA names {settings.data}, which lacks some of MNIST's four files."
        yield Finding(WARNING, what, "Name the folder that holds them, or unset it.")
    if is_complete(settings.cache):
        again = "Run: python -m mnistdash data (which downloads that file again)"
        yield from _verified(settings, settings.cache, WARNING, again)
        return
    yield Finding(
        WARNING,
        "MNIST is not at hand: it is downloaded at the first visit; until then, and where it cannot be had, pages and "
        "runs use the offline sample.",
        "Run: python -m mnistdash data. Without a network, set MNISTDASH_DATA to a folder with the four files.",
    )


def models_folder(settings: "Settings") -> Iterator[Finding]:
    """Whether runs can be kept."""
    yield from _writing(settings.models, LOW_MODELS, settings.readonly)


def cache(settings: "Settings") -> Iterator[Finding]:
    """Whether MNIST can be kept."""
    yield from _writing(settings.cache, LOW_CACHE, False)


def locks(settings: "Settings") -> Iterator[Finding]:
    """Whether a process can tell from a lock that another lives; on some network disks it cannot."""
    from mnistdash.system.locks import ProcessLock, is_locked

    if settings.readonly or not os.access(settings.models, os.W_OK):  # nothing trains, or `models_folder` has said so
        return
    path = settings.models / f".doctor-{os.getpid()}.lock"
    lock = ProcessLock(path)
    try:
        held = lock.acquire() and is_locked(path)
    finally:
        lock.release()
        path.unlink(missing_ok=True)
    if not held:
        what = f"Locks do not work in {settings.models}: a run would count as failed while it trains."
        yield Finding(PROBLEM, what, "Put the folder on a disk of this machine, or on a network disk with locks.")


def _verified(settings: "Settings", folder: Path, level: str, advice: str) -> Iterator[Finding]:
    """Whether a folder with four files of MNIST's names holds MNIST."""
    from mnistdash.data.mnist import load_mnist
    from mnistdash.exceptions import DataError

    try:
        # Named as the user's, the folder is read only; a damaged file in the cache would be fetched again.
        load_mnist(replace(settings, data=folder))
    except DataError as error:
        yield Finding(level, str(error), advice)
    else:
        yield Finding(OK, f"MNIST is in {folder}; all four files have the right SHA-256.")


def _writing(folder: Path, low: int, readonly: bool) -> Iterator[Finding]:
    """Whether a folder, or the one it would be made in, can be written to, and has room."""
    from mnistdash.system.atomic import atomic_path

    there = next(path for path in (folder, *folder.parents) if path.exists())
    name = str(folder) if there == folder else f"{folder}, which is not there yet,"
    try:
        with atomic_path(there / f".doctor-{os.getpid()}") as temporary:  # as the files of a run are written
            temporary.write_bytes(bytes(4096))
        (there / f".doctor-{os.getpid()}").unlink()
    except OSError as error:
        why = error.strerror or str(error)
        if readonly:
            yield Finding(OK, f"{name} cannot be written to ({why}), and with MNISTDASH_READONLY=1 need not.")
            return
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = ROOM if full else "Give it to the user that runs the dashboard, or name another folder."
        yield Finding(PROBLEM, f"{name} cannot be written to: {why}.", advice)
        return
    free = shutil.disk_usage(there).free
    if free < low:
        yield Finding(WARNING, f"{name} has {size(free)} left on its disk.", ROOM)
    else:
        yield Finding(OK, f"{name} can be written to; {size(free)} are free.")
