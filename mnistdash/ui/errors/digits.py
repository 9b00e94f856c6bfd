"""The Digits section: metrics, the confusion matrix and the gallery that it filters."""

from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from mnistdash.ui import widgets
from mnistdash.ui.components.clickable_html import clickable
from mnistdash.ui.errors import gallery, query_state
from mnistdash.ui.errors.gallery import ExplorerContext, select_digits
from mnistdash.ui.errors.query_state import CORRECT, MARKED, MISCLASSIFIED, QueryState
from mnistdash.ui.html import confusion

METRIC_WIDTH = 170  # pixels; two fit side by side on a phone


def show(context: ExplorerContext, query: QueryState) -> None:
    """Show the section."""
    _metrics(context)
    left, right = st.columns([6, 7], gap="large")
    with left, st.container(key="matrix_side"):
        _matrix(context, query)
        _metrics_by_digit(context)
    with right:
        _gallery(context, query)


def _metrics(context: ExplorerContext) -> None:
    result, votes = context.result, context.votes
    metrics = {"Accuracy": f"{result.accuracy:.2%}"}
    if votes:
        metrics["Excluding disputed"] = f"{result.accuracy_without(np.array(sorted(votes))):.2%}"
    metrics |= {"Errors": f"{len(result.errors):,}", "Images": f"{len(result.labels):,}"}
    with st.container(horizontal=True):
        for label, value in metrics.items():
            st.metric(label, value, border=True, width=METRIC_WIDTH)
    if votes:
        disputed = sum(index in votes for index in result.errors.tolist())
        st.markdown(
            f"{len(votes)} test labels are disputed: fewer than three of five human raters confirmed them. "
            f"{disputed} of the {len(result.errors):,} errors are among them. Source: [Northcutt, Athalye and Mueller, "
            "2021](https://github.com/cleanlab/label-errors)."
        )
    if context.is_seen:
        st.caption("The model was trained on these digits, so these results are optimistic.")


def _matrix(context: ExplorerContext, query: QueryState) -> None:
    def pick(cell: str) -> None:
        true, predicted = (int(part) if part else None for part in cell.split(","))
        if cell == query.cell:  # pressed again
            query_state.update(true=None, predicted=None)
            return
        # The diagonal holds correct digits only, the other cells errors only.
        is_diagonal = true is not None and true == predicted
        hidden, shown = (MISCLASSIFIED, CORRECT) if is_diagonal else (CORRECT, MISCLASSIFIED)
        show = shown if query.show == hidden else query.show
        query_state.update(true=true, predicted=predicted, show=show, sort=query.sort if show == query.show else "")

    shares, diagonal = query.unit == "shares", query.diagonal == "shown"
    widgets.heading("Confusion matrix")
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.segments("Unit", **query_state.choice("unit", query.unit))
        st.session_state.diagonal = diagonal
        st.toggle(
            "Diagonal",
            key="diagonal",
            on_change=lambda: query_state.update(diagonal="shown" if st.session_state.diagonal else "hidden"),
        )
    with st.container(key="confusion"):
        html = confusion.confusion_matrix(context.result.confusion, query.true, query.predicted, shares, diagonal)
        clickable(html, "matrix", pick)
        st.caption("Select a cell, a row or a column to filter the digits. Color marks errors.")


def _metrics_by_digit(context: ExplorerContext) -> None:
    with st.expander("Precision, recall and F1 by digit"):
        names = {"Precision": "precision", "Recall": "recall", "F1": "f1"}
        rows = [
            {
                "Digit": row["digit"],
                **{label: row[name] and 100 * row[name] for label, name in names.items()},  # None if undefined
                "Count": row["count"],
            }
            for row in context.result.per_digit
        ]
        formats = dict.fromkeys(names, st.column_config.NumberColumn(format="%.2f%%"))
        st.dataframe(rows, hide_index=True, height="content", column_config=formats)


def _gallery(context: ExplorerContext, query: QueryState) -> None:
    parts = {"true": query.true, "predicted": query.predicted}
    selected = ", ".join(f"{name} {digit}" for name, digit in parts.items() if digit is not None).capitalize()
    with widgets.heading("Digits"):
        if selected:
            clear = partial(query_state.update, true=None, predicted=None)
            st.button(selected, icon=":material/close:", key="let_go", help="Clear the filter", on_click=clear)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Show", width=150, **query_state.choice("show", query.show, sort=""))
        st.selectbox("Sort", width=220, **query_state.choice("sort", query.order))
    indices = select_digits(context.result, query, context.marks)
    if len(indices):
        gallery.show_gallery(context, query, indices, ": true → predicted", complete=_complete(context, query))
    elif query.show == MISCLASSIFIED and not len(context.result.errors):
        st.success("No errors in this split.", icon=":material/check_circle:")
    elif query.show == MARKED and not context.marks:
        st.info("No marked digits yet. Open a digit to mark it.", icon=":material/bookmark:")
    else:
        hint = " Select another cell or clear the filter." if selected else ""
        st.info(f"No digits match.{hint}", icon=":material/filter_alt_off:")


def _complete(context: ExplorerContext, query: QueryState) -> np.ndarray | None:
    """Return the digits of all cells, if they fit a page and a cell only filters them; else None."""
    indices = select_digits(context.result, replace(query, true=None, predicted=None), context.marks)
    return indices if len(indices) <= gallery.PER_PAGE and query.show != CORRECT else None
