"""What the sections of the error explorer share: which digits they are about, and their gallery."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset, Split
from mnistdash.data.label_votes import LabelVotes
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs.annotations import Annotation
from mnistdash.runs.run import Run
from mnistdash.ui.components.clickable_html import clickable
from mnistdash.ui.errors import downloads
from mnistdash.ui.errors.address import go
from mnistdash.ui.errors.query_state import QueryState
from mnistdash.ui.html import digits

PER_PAGE = 100  # digits in a gallery at a time
NAMES = {"train": "Training", "validation": "Validation", "test": "Test"}


@dataclass(frozen=True)
class ExplorerContext:
    """What the explorer is looking at.

    Attributes:
        name: of the split.
        result: the model's answers over it.
        features: (n, d) float16, of `analysis.Analysis`.
        votes: on its disputed labels, by index.
        marks: on its digits, by index.
    """

    run: Run
    data: Dataset
    name: str
    result: Evaluation
    features: np.ndarray
    votes: Mapping[int, LabelVotes]
    marks: Mapping[int, Annotation]

    @property
    def split(self) -> Split:
        return self.data.split(self.name)

    @property
    def is_seen(self) -> bool:
        """Whether the model was trained on the split."""
        card = self.run.card
        is_part = self.name == "train" or (self.name == "validation" and card.validation_seen)
        return is_part and card.data == self.data.name

    def title(self, index: int) -> str:
        """One line on a digit."""
        true, read = self.result.labels[index], self.result.predicted[index]
        what = f"a {true}, read right" if true == read else f"a {true} read as {read}"
        return f"{NAMES[self.name]} digit no. {index:,}: {what}"

    def note(self, index: int) -> str:
        """What people said of a digit, in a few words."""
        words = [f"raters: {self.votes[index]}"] if index in self.votes else []
        if index in self.marks:
            words.append(self.marks[index].kind or "note")
        return "<br>".join(words)


def show_gallery(
    subject: ExplorerContext,
    link: QueryState,
    chosen: np.ndarray,
    caption: str,
    notes: Mapping[int, str] | None = None,
    whole: np.ndarray | None = None,
) -> None:
    """Digits that can be opened, a page of them at a time, and as files.

    Args:
        subject: what they are from.
        link: what the address asks for.
        chosen: (k,) int64 indices, in the order they are shown.
        caption: what they are, after "1 to 100 of 1,234 ".
        notes: words for some, beside what people said of them.
        whole: (n,) int64 indices, at most a page of them, of which `chosen` are those of the link's kind; the browser
            gets them all, and need not wait for the page to show another kind.
    """
    st.session_state.listed = chosen.tolist()
    pages = max(1, math.ceil(len(chosen) / PER_PAGE))
    page = min(link.page, pages)
    first = (page - 1) * PER_PAGE
    shown = chosen[first : first + PER_PAGE]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{first + 1:,} to {first + len(shown):,} of {len(chosen):,}{caption}", width="content")
        _downloads(subject, chosen)
    words = notes or {}
    there = shown if whole is None else whole
    html = digits.gallery_of(
        subject.split.images,
        subject.result,
        there,
        notes=[subject.note(index) for index in there.tolist()],
        remarks=[words.get(index, "") for index in there.tolist()],
        pick=True,
    )
    clickable(html, "gallery", lambda index: go(digit=int(index)), None if whole is None else link.kind)
    if pages > 1:
        # A widget of its own for each page, as this one cannot be given a value otherwise.
        key = f"page-{page}"
        st.pagination(pages, default=page, key=key, on_change=lambda: go(page=st.session_state[key]))


def _downloads(subject: ExplorerContext, chosen: np.ndarray) -> None:
    name = f"{subject.run.name}-{subject.name}"
    with st.container(horizontal=True, width="content", gap="small"):
        st.download_button(
            "CSV",
            lambda: downloads.csv_table(subject.result, chosen, subject.marks),
            f"{name}.csv",
            "text/csv",
            icon=":material/download:",
            key="csv",
            on_click="ignore",
            help="Index, true and predicted digit, the ten probabilities, marks and notes of all that are listed.",
        )
        st.download_button(
            "PNG",
            lambda: downloads.contact_sheet(subject.split.images, subject.result, chosen[: downloads.MOST]),
            f"{name}.png",
            "image/png",
            icon=":material/download:",
            key="png",
            on_click="ignore",
            help=f"A contact sheet of the listed digits, at most {downloads.MOST:,}.",
        )
