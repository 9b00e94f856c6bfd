"""What people say of a model's digits: a mark and a note each, kept in the run's folder."""

import json
import threading
from dataclasses import asdict, dataclass

from mnistdash.exceptions import RunError
from mnistdash.runs.run import Run
from mnistdash.system.atomic import atomic_write_json

FILE = "marks.json"  # data set -> split -> index -> Mark
KINDS = ("bad label", "ambiguous", "model's fault")
LONGEST = 500  # characters of a note
_lock = threading.Lock()


@dataclass(frozen=True)
class Annotation:
    """A digit's mark.

    Attributes:
        kind: one of KINDS, or "" for a note alone.
        note: free text, or "".
    """

    kind: str = ""
    note: str = ""


def load_annotations(run: Run, data: str, split: str) -> dict[int, Annotation]:
    """The marks on a split's digits, by index.

    Raises:
        RunError: the run's marks cannot be read.
    """
    return _load(run).get(data, {}).get(split, {})


def save_annotation(run: Run, data: str, split: str, index: int, mark: Annotation) -> None:
    """Mark a digit; an empty mark takes its mark away.

    Raises:
        RunError: the run's folder cannot be written to, or its marks cannot be read.
    """
    with _lock:  # of two who write at the same time, none may lose the other's
        kept = _load(run)
        of_split = kept.setdefault(data, {}).setdefault(split, {})
        of_split[index] = Annotation(mark.kind, mark.note[:LONGEST])
        if mark == Annotation():
            del of_split[index]
        plain = {
            data: {
                split: {index: asdict(mark) for index, mark in sorted(of_split.items())}
                for split, of_split in splits.items()
            }
            for data, splits in kept.items()
        }
        try:
            atomic_write_json(run.folder / FILE, plain)
        except OSError as error:
            raise RunError(f"The mark cannot be kept in {run.folder}: {error.strerror or error}.") from error


def _load(run: Run) -> dict[str, dict[str, dict[int, Annotation]]]:
    """By data set, split and index."""
    path = run.folder / FILE
    try:
        return parse_annotations(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{run.name}/{FILE} cannot be read; mend it, or move it away.") from error


def parse_annotations(plain: object) -> dict[str, dict[str, dict[int, Annotation]]]:
    """What a marks file says, by data set, split and index.

    Raises:
        ValueError: it is no such file.
    """
    try:
        return {
            data: {
                split: {
                    int(index): Annotation(str(mark["kind"])[:LONGEST], str(mark["note"])[:LONGEST])
                    for index, mark in of_split.items()
                }
                for split, of_split in splits.items()
            }
            for data, splits in plain.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not a file of marks") from error
