"""An open digit: its prediction, the evidence for it, annotations, similar digits and perturbations."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from mnistdash.evaluation import occlusion, predictions
from mnistdash.exceptions import RunError
from mnistdash.runs import annotations
from mnistdash.runs.annotations import KINDS, Annotation
from mnistdash.ui import resources, widgets
from mnistdash.ui.draw import transfer
from mnistdash.ui.draw.transfer import TransferredDigit
from mnistdash.ui.errors import query_state, robustness
from mnistdash.ui.errors.gallery import ExplorerContext, select_digits
from mnistdash.ui.errors.query_state import QueryState
from mnistdash.ui.html import confusion, digits

NEIGHBORS = 8  # training digits shown


def show(context: ExplorerContext, query: QueryState) -> None:
    """Show the open digit."""
    index = query.digit
    assert index is not None
    image, label = context.split.images[index], int(context.result.labels[index])
    _bar(context, query, index)
    st.subheader(context.title(index), anchor=False)
    with st.container(key="pictures"):
        _pictures(context, image, index)
    left, right = st.columns(2, gap="large")
    with left, st.container(key="probabilities"):
        st.subheader("Probabilities", anchor=False)
        st.html(digits.probability_bars(context.result.probabilities[index]))
    with right:
        st.subheader("Annotations", anchor=False)
        if index in context.votes:
            st.markdown(
                f"Five human raters on this label: **{context.votes[index]}**. Source: [Northcutt, Athalye and "
                "Mueller, 2021](https://github.com/cleanlab/label-errors)."
            )
        _annotation(context, index)
    if resources.model(context.run).has_features:
        _neighbors(context, index)
    with st.container(key="robustness"):
        st.subheader("What would change the prediction?", anchor=False)
        model, control = resources.model(context.run), query_state.choice("flips", query.flips)
        robustness.show_perturbations(image, label, model, control)


def _bar(context: ExplorerContext, query: QueryState, index: int) -> None:
    listed = st.session_state.get("listed") or []
    if index not in listed:  # opened by a link
        listed = select_digits(context.result, query, context.marks).tolist()
    place = listed.index(index) if index in listed else None
    before = listed[place - 1] if place else None
    after = listed[place + 1] if place is not None and place + 1 < len(listed) else None

    def close() -> None:
        query_state.update(digit=None, flips=QueryState.flips)
        st.rerun()  # a rerun of the fragment alone would leave the sliders' parameters in the address

    with st.container(horizontal=True, vertical_alignment="center", key="bar"):
        st.button("Back", icon=":material/arrow_back:", key="back", on_click=close)
        for label, icon, target in (("Previous", "chevron_left", before), ("Next", "chevron_right", after)):
            open_digit = partial(query_state.update, digit=target)
            st.button(label, icon=f":material/{icon}:", key=label.lower(), disabled=target is None, on_click=open_digit)
        if place is not None:
            st.caption(f"{place + 1:,} of {len(listed):,}", width="content")
        st.space("stretch")
        if st.button("Edit this digit", icon=":material/ink_eraser:", key="fix", type="primary"):
            image, title = context.split.images[index], context.title(index)
            transfer.to_draw(TransferredDigit(image, title, context.run.name, st.query_params.to_dict()))


def _pictures(context: ExplorerContext, image: np.ndarray, index: int) -> None:
    probabilities, true = context.result.probabilities[index], int(context.result.labels[index])
    predicted, second = np.argsort(-probabilities, kind="stable")[:2].tolist()
    other, role = (true, "true digit") if true != predicted else (second, "runner-up")
    evidence = occlusion.occlusion_map(resources.model(context.run), image)
    scale = float(np.abs(evidence[[predicted, other]]).max())
    pictures = [("The digit, enlarged 10 times", image)]
    for digit, name in ((predicted, "prediction"), (other, role)):
        picture = confusion.evidence_picture(image, evidence[digit], scale)
        pictures.append((f"Evidence for {digit}, the {name}", picture))
    st.html(digits.pictures(pictures, "md-digit"))
    st.caption("Covering a warm area lowers the digit's probability; covering a cold area raises it.")


def _annotation(context: ExplorerContext, index: int) -> None:
    mark = context.marks.get(index, Annotation())
    st.session_state.mark, st.session_state.note = mark.kind or None, mark.note
    is_readonly = resources.settings().readonly

    def save() -> None:
        if is_readonly:
            return
        changed = Annotation(st.session_state.mark or "", st.session_state.note.strip())
        try:
            annotations.save_annotation(context.run, context.data.name, context.name, index, changed)
        except RunError as error:
            st.session_state.mark_failure = str(error)

    control: dict[str, Any] = {"on_change": save, "disabled": is_readonly}
    st.segmented_control("Mark", KINDS, key="mark", **control)
    longest = annotations.MAX_NOTE_CHARACTERS
    st.text_input("Note", key="note", max_chars=longest, placeholder="Describe the digit", **control)
    if failure := st.session_state.pop("mark_failure", None):
        widgets.show_error(failure)


def _neighbors(context: ExplorerContext, index: int) -> None:
    st.subheader("Most similar training digits (penultimate-layer features)", anchor=False)
    task = resources.prediction_task(context.run, context.data, "train")
    with st.container(key="neighbours"):
        train = widgets.result_or_progress(task, f"Classifying {len(context.data.train):,} training digits")
        if train is None:
            return
        found = predictions.nearest_neighbors(train.features, context.features[index], NEIGHBORS + 1)
        if context.name == "train":
            found = found[found != index]
        st.html(digits.gallery_of(context.data.train.images, train.result, found[:NEIGHBORS]))
