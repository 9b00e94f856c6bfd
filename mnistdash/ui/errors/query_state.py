"""What the error explorer shows, as the page's address says it, so that a link shows a colleague the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mnistdash.evaluation.perturbations import KINDS, Perturbation
from mnistdash.text import code_span

DIGITS, CONFIDENCE, ROBUSTNESS, MAP, COMPARE, LABELS = (
    "digits", "confidence", "robustness", "map", "compare", "labels",
)  # fmt: skip
SECTIONS = (DIGITS, CONFIDENCE, ROBUSTNESS, MAP, COMPARE, LABELS)
MISREAD, RIGHT, ALL, MARKED = "misread", "right", "all", "marked"
SHOWN = (MISREAD, RIGHT, ALL, MARKED)
SURE, UNSURE, LOSS, MARGIN, TRUE, POSITION = "sure", "unsure", "loss", "margin", "true", "position"
SORTS = (SURE, UNSURE, LOSS, MARGIN, TRUE, POSITION)
GROUPS = ("first", "second", "both")
COUNTS, SHARES = "counts", "shares"
UNITS = (COUNTS, SHARES)
VISIBLE, HIDDEN = "shown", "hidden"
DIAGONALS = (VISIBLE, HIDDEN)
FLIPS = ("shift", "turn", "stroke")
LONGEST = 12  # characters of a number in an address; Python refuses to read thousands of digits


@dataclass(frozen=True)
class QueryState:
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
        unit: of the confusion matrix, one of UNITS.
        diagonal: of the confusion matrix, one of DIAGONALS.
        right, down, turn, size, stroke, noise: how the digit that is open is disturbed, see `Disturbance`.
        flips: which map of its readings, one of FLIPS.
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
    unit: str = COUNTS
    diagonal: str = VISIBLE
    right: float = Perturbation.right
    down: float = Perturbation.down
    turn: float = Perturbation.turn
    size: float = Perturbation.size
    stroke: float = Perturbation.stroke
    noise: float = Perturbation.noise
    flips: str = FLIPS[0]

    @property
    def order(self) -> str:
        """The sort that is meant."""
        return self.sort or (SURE if self.show == MISREAD else UNSURE)

    @property
    def kind(self) -> str:
        """Of the digits that are shown: "true,predicted", with "" for any."""
        return ",".join("" if digit is None else str(digit) for digit in (self.true, self.predicted))

    @property
    def parameters(self) -> dict[str, str]:
        """For the address; what is as by default is left out."""
        return {name: _text(value) for name, value in asdict(self).items() if value != getattr(QueryState, name)}


def parse_link(parameters: Mapping[str, str], models: list[str], count: int) -> tuple[QueryState, list[str]]:
    """Make sense of an address.

    Args:
        parameters: of the address.
        models: that there are.
        count: of the digits in the split.

    Returns:
        What it asks for, without what makes no sense; and a sentence for each part that makes none.
    """
    values, objections = {}, []
    choices = {
        "section": SECTIONS,
        "show": SHOWN,
        "sort": SORTS,
        "other": models,
        "group": GROUPS,
        "unit": UNITS,
        "diagonal": DIAGONALS,
        "flips": FLIPS,
    }
    for name, allowed in choices.items():
        if (raw := parameters.get(name)) is None:
            continue
        if raw in allowed:
            values[name] = raw
        elif name == "other":
            objections.append(f"There is no model named {code_span(raw)} to compare with.")
        else:
            objections.append(f"This link asks for {name} {code_span(raw)}; there are {_listed(allowed)}.")
    ranges = {"true": (0, 9), "predicted": (0, 9), "page": (1, max(1, count)), "digit": (0, count - 1)}
    for name, (low, high) in ranges.items():
        if (raw := parameters.get(name)) is None:
            continue
        if raw.isascii() and raw.isdigit() and len(raw) < LONGEST and low <= int(raw) <= high:
            values[name] = int(raw)
        else:
            objections.append(f"This link asks for {name} {code_span(raw)}; expected a number from {low} to {high:,}.")
    for name, kind in KINDS.items():
        if (raw := parameters.get(name)) is None:
            continue
        value = _number(raw)
        if value is not None and kind.low <= value <= kind.high:
            values[name] = value
        else:
            objections.append(
                f"This link asks for {name} {code_span(raw)}; expected a number from {kind.low:g} to {kind.high:g}."
            )
    return QueryState(**values), objections


def _text(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(raw: str) -> float | None:
    try:
        return float(raw) if raw.isascii() and len(raw) < LONGEST else None
    except ValueError:
        return None


def _listed(values: tuple[str, ...]) -> str:
    return f"{', '.join(values[:-1])} and {values[-1]}"
