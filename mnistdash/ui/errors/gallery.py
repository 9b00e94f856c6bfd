"""The gallery of digits that the sections of the error explorer share."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset, Split
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs.annotations import Annotation
from mnistdash.runs.run import Run
from mnistdash.ui.components.clickable_html import clickable
from mnistdash.ui.errors import downloads, query_state
from mnistdash.ui.errors.downloads import MAX_SHEET_DIGITS
from mnistdash.ui.errors.query_state import ALL, LEAST_CONFIDENT, MARKED, MISCLASSIFIED, MOST_CONFIDENT, QueryState
from mnistdash.ui.html import digits

PER_PAGE = 100  # digits


@dataclass(frozen=True)
class ExplorerContext:
    """The model and the split that the explorer shows.

    Attributes:
        name: of the split.
        result: the model's predictions for the split.
        features: (n, d) float16, the penultimate-layer features of `predictions.Analysis`.
        votes: human votes on disputed labels, by index.
        marks: annotations, by index.
    """

    run: Run
    data: Dataset
    name: str
    result: Evaluation
    features: np.ndarray
    votes: Mapping[int, str]
    marks: Mapping[int, Annotation]

    @property
    def split(self) -> Split:
        """The images and labels of the split."""
        return self.data.split(self.name)

    @property
    def is_seen(self) -> bool:
        """True if the model was trained on the split."""
        card = self.run.card
        if card is None or card.data != self.data.name:
            return False
        return self.name == "train" or (self.name == "validation" and card.validation_seen)

    def title(self, index: int) -> str:
        """Return one line about a digit."""
        true, predicted = self.result.labels[index], self.result.predicted[index]
        split = "Training" if self.name == "train" else self.name.capitalize()
        outcome = "classified correctly" if true == predicted else f"predicted as {predicted}"
        return f"{split} digit no. {index:,}: a {true} {outcome}"

    def note(self, index: int) -> str:
        """Return the votes and the annotation of a digit as short HTML, or ""."""
        lines = [f"raters: {self.votes[index]}"] if index in self.votes else []
        if index in self.marks:
            lines.append(self.marks[index].kind or "note")
        return "<br>".join(lines)


def select_digits(result: Evaluation, query: QueryState, marked: Collection[int]) -> np.ndarray:
    """Return the digits that match a query, in its order.

    Args:
        result: a model's predictions for the split.
        query: the filter and the order.
        marked: indices of the annotated digits.

    Returns:
        (k,) int64 indices.
    """
    is_error = result.predicted != result.labels
    if query.show == MARKED:
        matches = np.isin(np.arange(len(is_error)), list(marked))
    elif query.show == ALL:
        matches = np.ones(len(is_error), bool)
    else:
        matches = is_error if query.show == MISCLASSIFIED else ~is_error
    if query.true is not None:
        matches = matches & (result.labels == query.true)
    if query.predicted is not None:
        matches = matches & (result.predicted == query.predicted)
    indices = np.flatnonzero(matches)
    sort_keys = {
        MOST_CONFIDENT: -result.confidence,
        LEAST_CONFIDENT: result.confidence,
        "loss": -result.losses,
        "margin": result.margins,
        "true": result.labels,
        "position": np.arange(len(is_error)),
    }
    return indices[np.argsort(sort_keys[query.order][indices], kind="stable")]


def show_gallery(
    context: ExplorerContext,
    query: QueryState,
    indices: np.ndarray,
    caption: str,
    remarks: Mapping[int, str] = {},
    complete: np.ndarray | None = None,
) -> None:
    """Show a page of digits that open on a click, with downloads of all of them.

    Args:
        context: the split.
        query: the page to show.
        indices: (k,) int64 digits, in order.
        caption: continues "1 to 100 of 1,234".
        remarks: additional words about some digits, by index.
        complete: (n,) int64, at most a page of digits, of which `indices` are those in the query's cell. The browser
            gets all of them and can show another cell before the server answers.
    """
    st.session_state.listed = indices.tolist()
    pages = max(1, math.ceil(len(indices) / PER_PAGE))
    page = min(query.page, pages)
    first = (page - 1) * PER_PAGE
    shown = indices[first : first + PER_PAGE]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{first + 1:,} to {first + len(shown):,} of {len(indices):,}{caption}", width="content")
        _downloads(context, indices)
    sent = shown if complete is None else complete
    notes = {index: context.note(index) for index in sent.tolist()}
    html = digits.gallery_of(context.split.images, context.result, sent, notes=notes, remarks=remarks, pick=True)
    cell = None if complete is None else query.cell
    clickable(html, "gallery", lambda index: query_state.update(digit=int(index)), cell)
    if pages > 1:
        st.pagination(pages, **query_state.control("page", page))


def _downloads(context: ExplorerContext, indices: np.ndarray) -> None:
    def offer(label: str, data: Callable[[], bytes | str], mime: str, help: str) -> None:
        key, icon = label.lower(), ":material/download:"
        name = f"{context.run.name}-{context.name}.{key}"
        st.download_button(label, data, name, mime, key=key, icon=icon, on_click="ignore", help=help)

    table = partial(downloads.csv_table, context.result, indices, context.marks)
    sheet = partial(downloads.contact_sheet, context.split.images, context.result, indices[:MAX_SHEET_DIGITS])
    with st.container(horizontal=True, width="content", gap="small"):
        columns = "index, true and predicted digit, ten probabilities, mark and note"
        offer("CSV", table, "text/csv", f"All listed digits: {columns}.")
        offer("PNG", sheet, "image/png", f"A contact sheet of the listed digits, at most {MAX_SHEET_DIGITS:,}.")
