"""The digits of a split: the confusion matrix, each digit's figures, and the gallery they filter."""

from dataclasses import replace

import numpy as np
import streamlit as st

from mnistdash.ui import widgets
from mnistdash.ui.components.clickable_html import clickable
from mnistdash.ui.errors import gallery, query_state
from mnistdash.ui.errors.address import bound, go
from mnistdash.ui.errors.filters import select_digits
from mnistdash.ui.errors.gallery import ExplorerContext
from mnistdash.ui.errors.query_state import QueryState
from mnistdash.ui.html import confusion

SHOWN = {
    query_state.MISREAD: "Misread",
    query_state.RIGHT: "Read right",
    query_state.ALL: "All",
    query_state.MARKED: "Marked",
}
SORTS = {
    query_state.SURE: "Most confident first",
    query_state.UNSURE: "Least confident first",
    query_state.LOSS: "Highest loss first",
    query_state.MARGIN: "Smallest margin first",
    query_state.TRUE: "By true digit",
    query_state.POSITION: "As in the split",
}
UNITS = {query_state.COUNTS: "Counts", query_state.SHARES: "Shares"}
FIGURE = 170  # pixels; two stand side by side on a phone


def show(subject: ExplorerContext, link: QueryState) -> None:
    """Figures, matrix and gallery."""
    _figures(subject)
    left, right = st.columns([6, 7], gap="large")
    with left, st.container(key="matrix_side"):
        _matrix(subject, link)
        _each_digit(subject)
    with right:
        _gallery(subject, link)


def _figures(subject: ExplorerContext) -> None:
    result, votes = subject.result, subject.votes
    figures = {"Accuracy": f"{result.accuracy:.2%}"}
    if votes:
        figures["Without disputed"] = f"{result.accuracy_without(np.array(sorted(votes))):.2%}"
    figures |= {"Errors": f"{len(result.errors):,}", "Images": f"{len(result.labels):,}"}
    with st.container(horizontal=True):
        for label, value in figures.items():
            st.metric(label, value, border=True, width=FIGURE)
    if votes:
        misread = sum(index in votes for index in result.errors.tolist())
        st.markdown(
            f"Of {len(votes)} test digits fewer than three of five raters confirmed the published label; {misread} of "
            f"the {len(result.errors):,} errors are among them. Source: [Northcutt, Athalye and Mueller, 2021]"
            "(https://github.com/cleanlab/label-errors)."
        )
    if subject.is_seen:
        st.caption("The model was trained on these digits, so it misreads fewer of them than of new ones.")


def _matrix(subject: ExplorerContext, link: QueryState) -> None:
    def show_diagonal() -> None:
        go(diagonal=query_state.VISIBLE if st.session_state.diagonal else query_state.HIDDEN)

    def pick(what: str) -> None:
        true, predicted = (int(part) if part else None for part in what.split(","))
        if (true, predicted) == (link.true, link.predicted):  # pressed again: let go
            go(true=None, predicted=None)
            return
        # What was read right is not among the misread, and the other way round.
        is_right = true is not None and true == predicted
        show = link.show
        if is_right and show == query_state.MISREAD:
            show = query_state.RIGHT
        elif not is_right and show == query_state.RIGHT:
            show = query_state.MISREAD
        go(true=true, predicted=predicted, show=show, sort=link.sort if show == link.show else "")

    widgets.heading("Confusion matrix")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Unit",
            query_state.UNITS,
            required=True,
            format_func=UNITS.get,
            label_visibility="collapsed",
            **bound(link, "unit"),
        )
        st.session_state.diagonal = link.diagonal == query_state.VISIBLE
        st.toggle("Diagonal", key="diagonal", on_change=show_diagonal)

    with st.container(key="confusion"):
        clickable(
            confusion.confusion_matrix(
                subject.result.confusion,
                link.true,
                link.predicted,
                link.unit == query_state.SHARES,
                link.diagonal == query_state.VISIBLE,
            ),
            "matrix",
            pick,
        )
        st.caption("Press a cell, a row's digit or a column's digit to see only those. The colour marks the errors.")


def _each_digit(subject: ExplorerContext) -> None:
    with st.expander("Precision, recall and F1 of each digit"):
        rows = [
            {
                "Digit": row["digit"],
                "Precision": _per_cent(row["precision"]),
                "Recall": _per_cent(row["recall"]),
                "F1": _per_cent(row["f1"]),
                "Count": row["count"],
            }
            for row in subject.result.per_digit
        ]
        share = st.column_config.NumberColumn(format="%.2f%%")
        st.dataframe(
            rows,
            hide_index=True,
            key="each_digit",
            height="content",
            column_config={"Precision": share, "Recall": share, "F1": share},
        )


def _per_cent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _gallery(subject: ExplorerContext, link: QueryState) -> None:
    with widgets.heading("Digits"):
        if link.true is not None or link.predicted is not None:
            st.button(
                _filter_words(link),
                icon=":material/close:",
                key="let_go",
                help="Show all again",
                on_click=lambda: go(true=None, predicted=None),
            )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Show", query_state.SHOWN, format_func=SHOWN.get, width=150, **bound(link, "show", sort=""))
        st.selectbox("Sort", query_state.SORTS, format_func=SORTS.get, width=220, **bound(link, "sort", link.order))
    chosen = select_digits(subject.result, link, subject.marks)
    if len(chosen):
        gallery.show_gallery(subject, link, chosen, ": true → predicted", whole=_whole(subject, link))
    else:
        _nothing(subject, link)


def _whole(subject: ExplorerContext, link: QueryState) -> np.ndarray | None:
    """The digits among which the matrix chooses, where they are few and it changes nothing but which of them."""
    digits = select_digits(subject.result, replace(link, true=None, predicted=None), subject.marks)
    return digits if len(digits) <= gallery.PER_PAGE and link.show != query_state.RIGHT else None


def _filter_words(link: QueryState) -> str:
    """Which digits are shown, as far as the matrix says it."""
    words = []
    if link.true is not None:
        words.append(f"true {link.true}")
    if link.predicted is not None:
        words.append(f"predicted {link.predicted}")
    return ", ".join(words).capitalize()


def _nothing(subject: ExplorerContext, link: QueryState) -> None:
    is_filtered = link.true is not None or link.predicted is not None
    if link.show == query_state.MISREAD and not len(subject.result.errors):
        st.success("No digit of this split is misread.", icon=":material/check_circle:")
    elif link.show == query_state.MARKED and not subject.marks:
        st.info("No digit is marked yet. Open one to mark it.", icon=":material/bookmark:")
    elif is_filtered:
        st.info("There are no such digits. Choose others, or show all again.", icon=":material/filter_alt_off:")
    else:
        st.info("There are no such digits.", icon=":material/filter_alt_off:")
