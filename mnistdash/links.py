"""What the error explorer shows, as the page's address says it, so that a link shows a colleague the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from mnistdash.wording import quoted

DIGITS, CONFIDENCE, ROBUSTNESS, MAP, COMPARE, LABELS = (
    "digits", "confidence", "robustness", "map", "compare", "labels",
)  # fmt: skip
SECTIONS = (DIGITS, CONFIDENCE, ROBUSTNESS, MAP, COMPARE, LABELS)
MISREAD, RIGHT, ALL, MARKED = "misread", "right", "all", "marked"
SHOWN = (MISREAD, RIGHT, ALL, MARKED)
SURE, UNSURE, LOSS, MARGIN, TRUE, POSITION = "sure", "unsure", "loss", "margin", "true", "position"
SORTS = (SURE, UNSURE, LOSS, MARGIN, TRUE, POSITION)
GROUPS = ("first", "second", "both")
LONGEST = 12  # characters of a number in an address; Python refuses to read thousands of digits


@dataclass(frozen=True)
class Link:
    """What is shown.

    Attributes:
        section: one of SECTIONS.
        show: which digits, one of SHOWN.
        sort: one of SORTS, or "" for what suits `show`.
        true, predicted: only digits of this label, and read as this; None for any.
        page: of the gallery, counted from 1.
        digit: index of the digit that is open, or None.
        other: the model to compare with, or "".
        group: which of the two models errs, one of GROUPS.
    """

    section: str = DIGITS
    show: str = MISREAD
    sort: str = ""
    true: int | None = None
    predicted: int | None = None
    page: int = 1
    digit: int | None = None
    other: str = ""
    group: str = "first"

    @property
    def order(self) -> str:
        """The sort that is meant."""
        return self.sort or (SURE if self.show == MISREAD else UNSURE)

    @property
    def parameters(self) -> dict[str, str]:
        """For the address; what is as by default is left out."""
        standard = asdict(Link())
        return {name: str(value) for name, value in asdict(self).items() if value != standard[name]}


NAMES = tuple(field.name for field in fields(Link))


def read(parameters: Mapping[str, str], models: list[str], count: int) -> tuple[Link, list[str]]:
    """Make sense of an address.

    Args:
        parameters: of the address.
        models: that there are.
        count: of the digits in the split.

    Returns:
        What it asks for, without what makes no sense; and a sentence for each part that makes none.
    """
    values, objections = {}, []
    choices = {"section": SECTIONS, "show": SHOWN, "sort": SORTS, "other": models, "group": GROUPS}
    for name, allowed in choices.items():
        if (raw := parameters.get(name)) is None:
            continue
        if raw in allowed:
            values[name] = raw
        elif name == "other":
            objections.append(f"There is no model named {quoted(raw)} to compare with.")
        else:
            objections.append(f"This link asks for {name} {quoted(raw)}; there are {_listed(allowed)}.")
    ranges = {"true": (0, 9), "predicted": (0, 9), "page": (1, max(1, count)), "digit": (0, count - 1)}
    for name, (low, high) in ranges.items():
        if (raw := parameters.get(name)) is None:
            continue
        if raw.isascii() and raw.isdigit() and len(raw) < LONGEST and low <= int(raw) <= high:
            values[name] = int(raw)
        else:
            objections.append(f"This link asks for {name} {quoted(raw)}; expected a number from {low} to {high:,}.")
    return Link(**values), objections


def _listed(values: tuple[str, ...]) -> str:
    return f"{', '.join(values[:-1])} and {values[-1]}"
