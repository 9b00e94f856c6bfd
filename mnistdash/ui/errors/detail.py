"""One digit of the error explorer: what the model made of it, why, and what people say of it."""

from dataclasses import asdict

import numpy as np
import streamlit as st

from mnistdash.evaluation import occlusion, predictions
from mnistdash.evaluation.perturbations import Perturbation
from mnistdash.exceptions import RunError
from mnistdash.runs import annotations
from mnistdash.runs.annotations import KINDS, Annotation
from mnistdash.ui import resources, widgets
from mnistdash.ui.draw import transfer
from mnistdash.ui.errors import address, robustness
from mnistdash.ui.errors.address import go
from mnistdash.ui.errors.filters import select_digits
from mnistdash.ui.errors.gallery import ExplorerContext
from mnistdash.ui.errors.query_state import FLIPS, QueryState
from mnistdash.ui.html import confusion
from mnistdash.ui.html.digits import gallery_of, probability_bars

NEIGHBOURS = 8
LOOK = 1  # seconds between two looks at how far the training digits are read


def show(subject: ExplorerContext, link: QueryState) -> None:
    """All there is to say of the digit that is open."""
    index = link.digit
    _bar(subject, link)
    st.subheader(subject.title(index), anchor=False)
    image, label, model = subject.split.images[index], int(subject.result.labels[index]), resources.model(subject.run)
    with st.container(key="pictures"):
        _pictures(subject, image, index)
    numbers, words = st.columns(2, gap="large")
    with numbers, st.container(key="probabilities"):
        st.subheader("Probabilities", anchor=False)
        st.html(probability_bars(subject.result.probabilities[index]))
    with words:
        st.subheader("What people say", anchor=False)
        _votes(subject, index)
        _mark(subject, index)
    _neighbours(subject, index)
    with st.container(key="robustness"):
        st.subheader("What would change its mind", anchor=False)
        robustness.one_digit(image, label, model, link)


def _bar(subject: ExplorerContext, link: QueryState) -> None:
    listed = st.session_state.get("listed") or []
    if link.digit not in listed:  # opened by a link
        listed = select_digits(subject.result, link, subject.marks).tolist()
    place = listed.index(link.digit) if link.digit in listed else None
    before = listed[place - 1] if place else None
    after = listed[place + 1] if place is not None and place + 1 < len(listed) else None

    def close() -> None:
        go(digit=None, flips=FLIPS[0], **asdict(Perturbation()))  # the next digit to be opened begins as it is

    with st.container(horizontal=True, vertical_alignment="center", key="bar"):
        st.button("Back", icon=":material/arrow_back:", key="back", on_click=close)
        for label, icon, index in (("Previous", "chevron_left", before), ("Next", "chevron_right", after)):
            st.button(
                label,
                icon=f":material/{icon}:",
                key=label.lower(),
                disabled=index is None,
                on_click=lambda index=index: go(digit=index),
            )
        if place is not None:
            st.caption(f"{place + 1:,} of {len(listed):,}", width="content")
        st.space("stretch")
        if st.button("Fix it on Draw", icon=":material/ink_eraser:", key="fix", type="primary"):
            image = subject.split.images[link.digit]
            back = address.parameters()
            transfer.to_draw(image, subject.title(link.digit), model=subject.run.name, back=back)


def _pictures(subject: ExplorerContext, image: np.ndarray, index: int) -> None:
    probabilities, true = subject.result.probabilities[index], int(subject.result.labels[index])
    first, second = np.argsort(-probabilities, kind="stable")[:2].tolist()
    # Of a digit that was read right, the runner-up is the more telling other.
    other, name = (true, "true") if true != first else (second, "runner-up")
    evidence = occlusion.occlusion_map(resources.model(subject.run), image)
    scale = float(np.abs(evidence[[first, other]]).max())
    st.html(
        confusion.pictures(
            [
                ("The digit, ten times as large", image),
                (
                    f"What speaks for {first}, as it was read",
                    confusion.evidence_picture(image, evidence[first], scale),
                ),
                (
                    f"What speaks for {other}, the {name} digit",
                    confusion.evidence_picture(image, evidence[other], scale),
                ),
            ]
        )
    )
    st.caption("Warm where covering the place makes the answer less likely, cold where it makes it more likely.")


def _votes(subject: ExplorerContext, index: int) -> None:
    if index in subject.votes:
        st.markdown(
            f"Five human raters on this label: **{subject.votes[index]}**. Source: [Northcutt, Athalye and Mueller, "
            "2021](https://github.com/cleanlab/label-errors)."
        )


def _mark(subject: ExplorerContext, index: int) -> None:
    mark = subject.marks.get(index, Annotation())
    st.session_state.mark, st.session_state.note = mark.kind or None, mark.note

    fixed = resources.settings().readonly

    def save() -> None:
        made = Annotation(st.session_state.mark or "", st.session_state.note.strip())
        if fixed:
            return
        try:
            annotations.save_annotation(subject.run, subject.data.name, subject.name, index, made)
        except RunError as error:
            st.session_state.mark_failure = str(error)

    with st.container(key="marking"):
        st.segmented_control("Mark", KINDS, key="mark", on_change=save, disabled=fixed)
        st.text_input(
            "Note",
            key="note",
            max_chars=annotations.MAX_NOTE_CHARACTERS,
            on_change=save,
            placeholder="What do you see in it?",
            disabled=fixed,
        )
    if failure := st.session_state.pop("mark_failure", None):
        widgets.show_error(failure)


def _neighbours(subject: ExplorerContext, index: int) -> None:
    st.subheader("Nearest training digits", anchor=False)
    reading = resources.prediction_task(subject.run, subject.data)
    reading.want("train")
    # Looked at again until the training digits are read; the rest of the page stays as it is.
    pace = None if reading.wait("train", 0) else LOOK
    with st.container(key="neighbours"):
        st.fragment(_show_neighbours, run_every=pace)(subject, index)


@widgets.guarded("Errors, neighbours")
def _show_neighbours(subject: ExplorerContext, index: int) -> None:
    reading = resources.prediction_task(subject.run, subject.data)
    if not reading.wait("train", 0):
        digits = len(subject.data.train)
        st.progress(reading.progress("train"), f"{subject.run.name} reads the {digits:,} training digits …")
        return
    train = reading.result("train")
    found, _ = predictions.nearest_neighbors(train.features, subject.features[index], NEIGHBOURS + 1)
    if subject.name == "train":
        found = found[found != index]
    st.html(gallery_of(subject.data.train.images, train.result, found[:NEIGHBOURS]))
    st.caption("The training digits that the network's last layer tells least apart from this one, nearest first.")
