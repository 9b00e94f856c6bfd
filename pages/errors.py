"""Errors: the digits a model gets wrong, and why."""

from dataclasses import asdict

import numpy as np
import streamlit as st

from mnistdash import explorer_markup, links, marks, robustness_markup, runs, ui
from mnistdash.configs import RunError
from mnistdash.datasets import SPLITS, Dataset
from mnistdash.disputed import disputes
from mnistdash.links import SECTIONS, Link
from mnistdash.views import address, error_detail, error_digits, error_sections, explorer, map_view, robustness_view
from mnistdash.views.explorer import Subject

TITLES = dict(zip(SECTIONS, ("Digits", "Confidence", "Robustness", "Map", "Compare", "Labels"), strict=True))


def models() -> list[str]:
    return [run.name for run in runs.list_models(ui.settings().models)]


def objections_to_pickers() -> list[str]:
    """A sentence for each of the two pickers that the address asks something impossible of."""
    asked = (("model", models(), "There is no model named"), ("split", SPLITS, "There is no split named"))
    return [
        f"{sentence} {links.quoted(st.query_params[name])} here."
        for name, known, sentence in asked
        if name in st.query_params and known and st.query_params[name] not in known
    ]


@st.fragment
@ui.guarded("Errors, a click")
def explore(run: runs.Run, data: Dataset, name: str) -> None:
    """The open digit, or a section; a click reruns this and nothing else."""
    found = ui.analysis(run, data, name)
    # The votes are on MNIST's own test digits.
    votes = disputes() if (data.name, name) == ("mnist", "test") else {}
    try:
        marked = marks.read(run, data.name, name)
    except RunError as error:
        ui.objection(error)
        marked = {}
    subject = Subject(run, data, name, found.result, found.features, votes, marked)
    link, _ = address.current(models(), len(subject.split))
    if link.digit is not None:
        error_detail.show(subject, link)
    else:
        section(subject, link)


def section(subject: Subject, link: Link) -> None:
    st.segmented_control(
        "Section",
        SECTIONS,
        required=True,
        format_func=TITLES.get,
        label_visibility="collapsed",
        **address.bound(link, "section"),
    )
    if link.section == links.DIGITS:
        error_digits.show(subject, link)
    elif link.section == links.CONFIDENCE:
        error_sections.confidence(subject)
    elif link.section == links.ROBUSTNESS:
        robustness_view.whole_model(subject.run, ui.model(subject.run), subject.data, subject.name)
    elif link.section == links.MAP:
        chosen = map_view.show(subject.run, subject.data, subject.name)
        if chosen is not None:
            right = subject.result.predicted[chosen] == subject.result.labels[chosen]
            explorer.gallery(subject, link, chosen[np.argsort(right, kind="stable")], ", the misread ones first")
    elif link.section == links.COMPARE:
        error_sections.compare(subject, link)
    else:
        error_sections.labels(subject, link)


with ui.page("Errors"):
    st.html(f"<style>{explorer_markup.STYLE}{robustness_markup.STYLE}</style>")
    st.title("Errors", anchor=False)
    # Kept until they are shown, which has to wait while the digits are read.
    objections = st.session_state.setdefault("objections", [])
    objections += objections_to_pickers()
    data = ui.dataset()
    with st.container(horizontal=True):
        with st.container(width=320):
            run = ui.model_picker()
        name = st.selectbox("Split", SPLITS, key="split", bind="query-params", width=320)
    if run is not None:
        ui.analysis(run, data, name)
        link, more = address.current(models(), len(data.split(name)))
        objections = st.session_state.pop("objections") + more
        if objections:
            address.write(asdict(link))
            st.warning(" ".join(objections), icon=":material/link_off:")
        for other in SPLITS:  # the others meanwhile
            ui.reading(run, data).want(other)
        explore(run, data, name)
