"""Card."""

import json
import math
import types
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_args, get_origin

from mnistdash.exceptions import RunError

T = TypeVar("T")


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


def parse_record(content: bytes, kind: type[T], what: str) -> T:
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
