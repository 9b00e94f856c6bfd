"""The error explorer's state in the page's address.

Streamlit binds Model, Split and the sliders of an open digit to the address. It does not bind the controls below,
because a bound widget

- loses its parameter when it leaves the page, so a link to an open digit would not hold the list it comes from;
- replaces the browser's history entry, so Back would not return to the previous section or filter;
- writes its label, while existing links hold the values below.

Show, Sort and a cell of the confusion matrix also change together, which has to be one step of the history.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from mnistdash.data.dataset import SPLITS
from mnistdash.evaluation.perturbations import KINDS
from mnistdash.text import code_span
from mnistdash.ui.errors.lasso import parse_lasso

MISCLASSIFIED, CORRECT, ALL, MARKED = "misclassified", "correct", "all", "marked"
MOST_CONFIDENT, LEAST_CONFIDENT = "most-confident", "least-confident"
PCA, TSNE = "pca", "tsne"
# Values by parameter; the first one is the default of a parameter, unless QueryState says otherwise.
CHOICES: dict[str, Collection[str]] = {
    "section": ("digits", "confidence", "robustness", "map", "compare", "labels"),
    "show": (MISCLASSIFIED, CORRECT, ALL, MARKED),
    "sort": (MOST_CONFIDENT, LEAST_CONFIDENT, "loss", "margin", "true", "position"),
    "unit": ("counts", "shares"),
    "diagonal": ("shown", "hidden"),
    "group": ("first", "second", "both"),
    "flips": ("shift", "turn", "stroke"),
    "map": (PCA, TSNE),
}
# Labels that are not the capitalized value.
LABELS = {
    MOST_CONFIDENT: "Most confident first",
    LEAST_CONFIDENT: "Least confident first",
    "loss": "Highest loss first",
    "margin": "Smallest margin first",
    "true": "By true digit",
    "position": "By position in the split",
    "turn": "Turn and size",
    "stroke": "Stroke and noise",
    PCA: "PCA",
    TSNE: "t-SNE",
}
OLD_VALUES = {"misread": MISCLASSIFIED, "right": CORRECT, "sure": MOST_CONFIDENT, "unsure": LEAST_CONFIDENT}
LISTS = {"section", "show", "sort", "true", "predicted", "other", "group", "map", "lasso"}  # decide what is listed


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
    choices = {**CHOICES, "split": SPLITS}
    ranges: dict[str, tuple[float, float]] = {
        "true": (0, 9), "predicted": (0, 9), "page": (1, max(1, count)), "digit": (0, count - 1)
    }  # fmt: skip
    if "digit" in parameters:  # otherwise there are no sliders
        ranges |= {name: (kind.low, kind.high) for name, kind in KINDS.items()}
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, text in parameters.items():
        value: object = OLD_VALUES.get(text, text)
        if name in choices:
            is_valid, expected = value in choices[name], f"one of {', '.join(choices[name])}"
        elif name in ("model", "other"):
            is_valid, expected = text in models, "the name of a model"
        elif name == "lasso":
            is_valid, expected = parse_lasso(text) is not None, "x,y;x,y;…"
        elif name in ranges:
            (low, high), number = ranges[name], _number(text)
            is_valid = low <= number <= high and (name in KINDS or number.is_integer())
            expected = f"a number from {low:,g} to {high:,g}"
            value = int(number) if is_valid else None
        else:
            continue
        if is_valid and name in DEFAULTS:
            values[name] = value
        elif text and not is_valid:
            problems[name] = f"Invalid {name} {code_span(text)} in the link: expected {expected}."
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
    return {"options": CHOICES[name], "format_func": label, **control(name, value, **also)}


def label(value: str) -> str:
    """Return the label of a value of CHOICES."""
    return LABELS.get(value, value.capitalize())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
