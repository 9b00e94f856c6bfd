"""Several values of one setting, typed by a user, for a run each."""

from collections.abc import Callable
from dataclasses import dataclass

from mnistdash.exceptions import RunError
from mnistdash.runs.config import PRECISIONS
from mnistdash.runs.recipes import OPTIMIZERS
from mnistdash.runs.schedules import SCHEDULES

MOST = 12  # runs of one sweep


@dataclass(frozen=True)
class Setting:
    """A setting that can be swept.

    Attributes:
        keyword: of `configs.configure`.
        kind: "whole number", "number" or "word".
        words: the values that there are, where it is a word.
        example: what could be typed.
    """

    keyword: str
    kind: str
    example: str
    words: tuple[str, ...] = ()


SETTINGS = {
    "Learning rate": Setting("learning_rate", "number", "0.1, 0.01, 0.001"),
    "Batch size": Setting("batch_size", "whole number", "32, 128, 512"),
    "Epochs": Setting("epochs", "whole number", "1, 2, 4"),
    "Training images": Setting("limit", "whole number", "1000, 10000, 50000"),
    "Dropout": Setting("dropout", "number", "0, 0.25, 0.5"),
    "Seed": Setting("seed", "whole number", "0, 1, 2"),
    "Optimizer": Setting("optimizer", "word", ", ".join(OPTIMIZERS), OPTIMIZERS),
    "Schedule": Setting("schedule", "word", ", ".join(SCHEDULES), SCHEDULES),
    "Augmentation": Setting("augmentation", "word", "on, off", ("on", "off")),
    "Precision": Setting("precision", "word", "float32, bfloat16", PRECISIONS),
}
_CONVERT: dict[str, Callable[[str], object]] = {"whole number": int, "number": float}


def values(name: str, text: str) -> list[object]:
    """What was typed, each value once, as `configs.configure` takes it.

    Args:
        name: key into SETTINGS.
        text: values separated by commas.

    Raises:
        RunError: a value is not one, or there are too many.
    """
    setting = SETTINGS[name]
    typed = list(dict.fromkeys(word for word in (word.strip() for word in text.split(",")) if word))
    if len(typed) > MOST:
        raise RunError(f"A sweep has at most {MOST} values, and these are {len(typed)}.")
    return list(dict.fromkeys(_value(name, setting, word) for word in typed))


def _value(name: str, setting: Setting, word: str) -> object:
    if setting.kind == "word":
        if word.lower() not in setting.words:
            raise RunError(f"{name} cannot be {word!r} (known: {', '.join(setting.words)}).")
        return word.lower() == "on" if name == "Augmentation" else word.lower()
    try:
        return _CONVERT[setting.kind](word)
    except ValueError as error:
        raise RunError(f"{name} takes a {setting.kind}, and {word!r} is none.") from error
