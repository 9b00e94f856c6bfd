"""Sweeps: several values of one setting, and a run for each."""

from collections.abc import Callable
from dataclasses import dataclass

from mnistdash.exceptions import RunError
from mnistdash.runs.config import PRECISIONS
from mnistdash.runs.recipes import OPTIMIZERS
from mnistdash.runs.schedules import SCHEDULES

MAX_VALUES = 12  # of one sweep


@dataclass(frozen=True)
class Setting:
    """A setting that can be swept.

    Attributes:
        keyword: of `config.configure`.
        kind: the values that it takes, such as "a number".
        parse: converts a typed value; raises ValueError or KeyError if it is invalid.
        example: values to type.
    """

    keyword: str
    kind: str
    parse: Callable[[str], object]
    example: str

    @classmethod
    def of_words(cls, keyword: str, words: dict[str, object], example: str | None = None) -> "Setting":
        """Return a setting that takes one of some words."""
        listed = ", ".join(words)
        return cls(keyword, f"one of {listed}", lambda word: words[word.lower()], example or listed)


SETTINGS = {
    "Learning rate": Setting("learning_rate", "a number", float, "0.1, 0.01, 0.001"),
    "Batch size": Setting("batch_size", "a whole number", int, "32, 128, 512"),
    "Epochs": Setting("epochs", "a whole number", int, "1, 2, 4"),
    "Training images": Setting("limit", "a whole number", int, "1000, 10000, 50000"),
    "Dropout": Setting("dropout", "a number", float, "0, 0.25, 0.5"),
    "Seed": Setting("seed", "a whole number", int, "0, 1, 2"),
    "Optimizer": Setting.of_words("optimizer", {name: name for name in OPTIMIZERS}),
    "Schedule": Setting.of_words("schedule", {name: name for name in SCHEDULES}),
    "Augmentation": Setting.of_words("augmentation", {"on": True, "off": False}),
    "Precision": Setting.of_words("precision", {name: name for name in PRECISIONS}, "float32, bfloat16"),
}


def values(name: str, text: str) -> list[object]:
    """Return the typed values, each once, as `config.configure` takes them.

    Args:
        name: key into SETTINGS.
        text: values separated by commas.

    Raises:
        RunError: a value is invalid, or there are too many.
    """
    setting = SETTINGS[name]
    words = list(dict.fromkeys(word for word in map(str.strip, text.split(",")) if word))
    if len(words) > MAX_VALUES:
        raise RunError(f"A sweep has at most {MAX_VALUES} values, not {len(words)}.")
    found: dict[object, None] = {}
    for word in words:
        try:
            found[setting.parse(word)] = None
        except (ValueError, KeyError) as error:
            raise RunError(f'"{word[:40]}" is not {setting.kind}. Separate values with commas.') from error
    return list(found)
