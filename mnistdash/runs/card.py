"""The model card of a run: a description of its model and the accuracy it reaches."""

from functools import partial
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistdash.runs.validation import STRICT_FIELDS, one_of, parse_json

ENDED = ("finished", "stopped", "failed")

_Text = Annotated[str, Field(max_length=64)]
_Count = Annotated[int, Field(ge=0, le=10**12)]
_Share = Annotated[float, Field(ge=0, le=1)]
_NonNegative = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=STRICT_FIELDS)
class Card:
    """The model card of a run.

    Attributes:
        name: of the run.
        recipe: name of its recipe.
        status: one of ENDED.
        data: name of the data set, "mnist" or "sample".
        parameters: number of weights.
        bytes: size of the .tflite file.
        best_epoch: the epoch of the exported weights, counted from 1.
        validation_accuracy, test_accuracy: in [0, 1].
        validation_loss, test_loss: mean cross-entropy in nats.
        validation_seen: also trained on the validation images, so validation results are optimistic.
        seconds: from the first step to the last validation.
        versions: of Python, TensorFlow and Keras.
        precision: of the arithmetic; None in old cards.
        sha256: of the .tflite file; None in old cards.
    """

    name: _Text
    recipe: _Text
    status: Annotated[str, one_of(ENDED)]
    data: _Text
    parameters: _Count
    bytes: _Count
    best_epoch: _Count
    validation_accuracy: _Share
    validation_loss: _NonNegative
    validation_seen: bool
    test_accuracy: _Share
    test_loss: _NonNegative
    seconds: _NonNegative
    versions: dict[_Text, _Text]
    precision: _Text | None = None
    sha256: _Text | None = None

    @property
    def validation(self) -> str:
        """Validation accuracy in percent, with a star if it is optimistic."""
        return f"{self.validation_accuracy:.2%}{'*' * self.validation_seen}"


parse_card = partial(parse_json, TypeAdapter(Card))  # (content, source) -> Card
