"""Users' annotations of a model's digits: a label and a note each, stored in the run's folder."""

import threading
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistdash.exceptions import RunError
from mnistdash.runs.run import Run
from mnistdash.runs.validation import STRICT_FIELDS, one_of, parse_json
from mnistdash.system.atomic import atomic_write_json

FILE = "marks.json"  # data set -> split -> index -> Annotation
KINDS = ("bad label", "ambiguous", "model's fault")
MAX_NOTE_CHARACTERS = 500
_lock = threading.Lock()


@dataclass(frozen=True, config=STRICT_FIELDS)
class Annotation:
    """The annotation of a digit.

    Attributes:
        kind: one of KINDS, or "" for a note alone.
        note: free text, cut to MAX_NOTE_CHARACTERS, or "".
    """

    kind: Annotated[str, one_of(("", *KINDS))] = ""
    note: Annotated[str, AfterValidator(lambda note: note[:MAX_NOTE_CHARACTERS])] = ""


_Annotations = dict[str, dict[str, dict[Annotated[int, Field(ge=0)], Annotation]]]
_ADAPTER = TypeAdapter(_Annotations)


def load_annotations(run: Run, data: str, split: str) -> dict[int, Annotation]:
    """Return the annotations of a split, by index.

    Raises:
        RunError: the run's annotations cannot be read.
    """
    return _load(run).get(data, {}).get(split, {})


def save_annotation(run: Run, data: str, split: str, index: int, annotation: Annotation) -> None:
    """Annotate a digit; an empty annotation removes the present one.

    Raises:
        RunError: the run's folder cannot be written to, or its annotations cannot be read.
    """
    with _lock:  # simultaneous writers must not lose each other's annotations
        stored = _load(run)
        of_split = stored.setdefault(data, {}).setdefault(split, {})
        of_split[index] = annotation
        if annotation == Annotation():
            del of_split[index]
        try:
            atomic_write_json(run.folder / FILE, _ADAPTER.dump_python(stored))
        except OSError as error:
            raise RunError(f"The annotation cannot be saved in {run.folder}: {error.strerror or error}.") from error


def parse_annotations(content: bytes) -> _Annotations:
    """Return the annotations in a file's content, by data set, split and index.

    Raises:
        RunError: it does not hold valid annotations.
    """
    return parse_json(_ADAPTER, content, FILE)


def _load(run: Run) -> _Annotations:
    try:
        return parse_annotations((run.folder / FILE).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, RunError) as error:
        raise RunError(f"{run.name}/{FILE} cannot be read; repair it or move it away.") from error
