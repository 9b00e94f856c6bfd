"""Errors: the digits a model gets wrong, and why."""

from dataclasses import asdict

import numpy as np
import streamlit as st

from mnistdash.data import label_votes
from mnistdash.data.dataset import SPLITS, Dataset
from mnistdash.exceptions import RunError
from mnistdash.runs import annotations, store
from mnistdash.runs.run import Run
from mnistdash.text import code_span
from mnistdash.ui import page, resources, widgets
from mnistdash.ui.errors import address, detail, digits, gallery, map, query_state, robustness, sections
from mnistdash.ui.errors.gallery import ExplorerContext
from mnistdash.ui.errors.query_state import SECTIONS, QueryState

TITLES = dict(zip(SECTIONS, ("Digits", "Confidence", "Robustness", "Map", "Compare", "Labels"), strict=True))


def models() -> list[str]:
    return [run.name for run in store.list_models(resources.settings().models)]


def objections_to_pickers() -> list[str]:
    """A sentence for each of the two pickers that the address asks something impossible of."""
    asked = (("model", models(), "There is no model named"), ("split", SPLITS, "There is no split named"))
    return [
        f"{sentence} {code_span(st.query_params[name])} here."
        for name, known, sentence in asked
        if name in st.query_params and known and st.query_params[name] not in known
    ]


@st.fragment
@widgets.guarded("Errors, a click")
def explore(run: Run, data: Dataset, name: str) -> None:
    """The open digit, or a section; a click reruns this and nothing else."""
    found = widgets.analysis(run, data, name)
    # The votes are on MNIST's own test digits.
    votes = label_votes.load_label_votes() if (data.name, name) == ("mnist", "test") else {}
    try:
        marked = annotations.load_annotations(run, data.name, name)
    except RunError as error:
        widgets.show_error(error)
        marked = {}
    subject = ExplorerContext(run, data, name, found.result, found.features, votes, marked)
    link, _ = address.current(models(), len(subject.split))
    if link.digit is not None:
        detail.show(subject, link)
    else:
        section(subject, link)


def section(subject: ExplorerContext, link: QueryState) -> None:
    st.segmented_control(
        "Section",
        SECTIONS,
        required=True,
        format_func=TITLES.get,
        label_visibility="collapsed",
        **address.bound(link, "section"),
    )
    if link.section == query_state.DIGITS:
        digits.show(subject, link)
    elif link.section == query_state.CONFIDENCE:
        sections.confidence(subject)
    elif link.section == query_state.ROBUSTNESS:
        robustness.whole_model(subject.run, resources.model(subject.run), subject.data, subject.name)
    elif link.section == query_state.MAP:
        chosen = map.show(subject.run, subject.data, subject.name)
        if chosen is not None:
            right = subject.result.predicted[chosen] == subject.result.labels[chosen]
            gallery.show_gallery(subject, link, chosen[np.argsort(right, kind="stable")], ", the misread ones first")
    elif link.section == query_state.COMPARE:
        sections.compare(subject, link)
    else:
        sections.labels(subject, link)


with page.page("Errors"):
    st.title("Errors", anchor=False)
    # Kept until they are shown, which has to wait while the digits are read.
    objections = st.session_state.setdefault("objections", [])
    objections += objections_to_pickers()
    data = widgets.dataset()
    with st.container(horizontal=True):
        with st.container(width=320):
            run = widgets.model_picker()
        name = st.selectbox("Split", SPLITS, key="split", bind="query-params", width=320)
    if run is not None:
        widgets.analysis(run, data, name)
        link, more = address.current(models(), len(data.split(name)))
        objections = st.session_state.pop("objections") + more
        if objections:
            address.write(asdict(link))
            st.warning(" ".join(objections), icon=":material/link_off:")
        for other in SPLITS:  # the others meanwhile
            resources.prediction_task(run, data).want(other)
        explore(run, data, name)
