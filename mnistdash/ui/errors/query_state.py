"""The error explorer's state in the page's address.

Streamlit binds Model, Split and the sliders of an open digit to the address. It does not bind the controls below,
because a bound widget

- loses its parameter when it leaves the page, so a link to an open digit would not hold the list it comes from;
- replaces the browser's history entry, so Back would not return to the previous section or filter;
- writes its label, while existing links hold the values below.

Show, Sort and a cell of the confusion matrix also change together, which has to be one step of the history.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from mnistdash.data.dataset import SPLITS
from mnistdash.evaluation.perturbations import KINDS, PerturbationKind
from mnistdash.exceptions import LassoError
from mnistdash.text import code_span
from mnistdash.ui.errors.lasso import parse_lasso

MISCLASSIFIED, CORRECT, ALL, MARKED = "misclassified", "correct", "all", "marked"
MOST_CONFIDENT, LEAST_CONFIDENT = "most-confident", "least-confident"
PCA, TSNE = "pca", "tsne"
# Labels of the controls, by parameter and value; the first value is the default unless noted below.
CHOICES: dict[str, dict[str, str]] = {
    "section": {
        "digits": "Digits",
        "confidence": "Confidence",
        "robustness": "Robustness",
        "map": "Map",
        "compare": "Compare",
        "labels": "Labels",
    },
    "show": {MISCLASSIFIED: "Misclassified", CORRECT: "Correct", ALL: "All", MARKED: "Marked"},
    "sort": {
        MOST_CONFIDENT: "Most confident first",
        LEAST_CONFIDENT: "Least confident first",
        "loss": "Highest loss first",
        "margin": "Smallest margin first",
        "true": "By true digit",
        "position": "By position in the split",
    },
    "unit": {"counts": "Counts", "shares": "Percent"},
    "diagonal": {"shown": "Shown", "hidden": "Hidden"},
    "group": {"first": "{first} only", "second": "{second} only", "both": "both models"},
    "flips": {"shift": "Shift", "turn": "Turn and size", "stroke": "Stroke and noise"},
    "map": {PCA: "PCA", TSNE: "t-SNE"},
}
OLD_VALUES = {"misread": MISCLASSIFIED, "right": CORRECT, "sure": MOST_CONFIDENT, "unsure": LEAST_CONFIDENT}
LISTS = {"section", "show", "sort", "true", "predicted", "other", "group", "map", "lasso"}  # decide what is listed
MAX_DIGITS = 12  # of a number; Python refuses to convert thousands


@dataclass(frozen=True)
class QueryState:
    """Parameters of the page's address.

    Attributes:
        section, show, unit, diagonal, group, flips: one of CHOICES.
        sort: one of CHOICES, or "" for the default of `show`.
        true, predicted: the selected row and column of the confusion matrix; None for any.
        page: of the gallery, from 1.
        digit: index of the open digit, or None.
        other: the model to compare with, or "" for the first.
        map: one of CHOICES, or "" for the map that is available sooner.
        lasso: the selection on the map, as `lasso.format_lasso` writes it, or "".
    """

    section: str = "digits"
    show: str = MISCLASSIFIED
    sort: str = ""
    true: int | None = None
    predicted: int | None = None
    page: int = 1
    digit: int | None = None
    other: str = ""
    group: str = "first"
    unit: str = "counts"
    diagonal: str = "shown"
    flips: str = "shift"
    map: str = ""
    lasso: str = ""

    @property
    def order(self) -> str:
        """The sort order, one of CHOICES."""
        return self.sort or (MOST_CONFIDENT if self.show == MISCLASSIFIED else LEAST_CONFIDENT)

    @property
    def cell(self) -> str:
        """The selection in the confusion matrix: "true,predicted", with "" for any."""
        return ",".join("" if digit is None else str(digit) for digit in (self.true, self.predicted))


DEFAULTS = asdict(QueryState())


def parse(parameters: Mapping[str, str], models: Collection[str], count: int) -> tuple[QueryState, dict[str, str]]:
    """Parse an address.

    Args:
        parameters: the address's parameters; empty ones count as absent.
        models: names of the models.
        count: number of digits in the split.

    Returns:
        The valid parameters, and by name a sentence about each invalid one.
    """
    choices: dict[str, Collection[str]] = {**CHOICES, "split": SPLITS}
    ranges = {"true": (0, 9), "predicted": (0, 9), "page": (1, max(1, count)), "digit": (0, count - 1)}
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, text in parameters.items():
        value: object = OLD_VALUES.get(text, text)
        if not text:
            continue
        if name in choices:
            is_valid, expected = value in choices[name], f"one of {', '.join(choices[name])}"
        elif name in ("model", "other"):
            is_valid, expected = text in models, "the name of a model"
        elif name in ranges:
            low, high = ranges[name]
            value = int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else -1
            is_valid, expected = low <= value <= high, f"a number from {low} to {high:,}"
        elif name in KINDS and "digit" in parameters:  # otherwise there is no slider
            is_valid, expected = (
                _is_level(text, KINDS[name]),
                f"a number from {KINDS[name].low:g} to {KINDS[name].high:g}",
            )
        elif name == "lasso":
            is_valid, expected = _is_lasso(text), "x,y;x,y;…"
        else:
            continue
        if not is_valid:
            problems[name] = f"Invalid {name} {code_span(text)} in the link: expected {expected}."
        elif name in DEFAULTS:
            values[name] = value
    return QueryState(**values), problems


def read(models: Collection[str], count: int) -> QueryState:
    """Return the valid parameters of this page's address; arguments as for `parse`."""
    return parse(st.query_params, models, count)[0]


def update(**changes: object) -> None:
    """Change parameters of the address, in one step of the browser's history.

    Defaults are omitted. Another list of digits starts at its first page, another section without a selection.

    Args:
        changes: attributes of QueryState.
    """
    if "section" in changes:
        changes |= {"map": "", "lasso": ""}
    if LISTS & changes.keys():
        changes.setdefault("page", 1)
    texts = {name: "" if value == DEFAULTS[name] else str(value) for name, value in changes.items()}
    # Each message about the address is a step of the history: send one, and only if something changes.
    changed: dict[str, str | list[str]] = {
        name: text or [] for name, text in texts.items() if text != st.query_params.get(name, "")
    }
    if changed:
        st.query_params.update(changed)


def control(name: str, value: object, **also: object) -> dict[str, Any]:
    """Return the `key` and `on_change` of a widget that shows and changes a parameter.

    Args:
        name: of the parameter.
        value: the present one.
        also: other parameters that its change sets.
    """
    st.session_state[name] = value
    return {"key": name, "on_change": lambda: update(**{name: st.session_state[name]}, **also)}


def choice(name: str, value: str, **also: object) -> dict[str, Any]:
    """Return arguments like `control` for a widget that offers the values of CHOICES."""
    labels = CHOICES[name]
    return {"options": labels, "format_func": lambda value: labels[value], **control(name, value, **also)}


def _is_level(text: str, kind: PerturbationKind) -> bool:
    try:
        return kind.low <= float(text) <= kind.high
    except ValueError:
        return False


def _is_lasso(text: str) -> bool:
    try:
        parse_lasso(text)
    except LassoError:
        return False
    return True
