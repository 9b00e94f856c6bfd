"""The smaller sections of the error explorer: confidence, two models compared, suspicious labels."""

import numpy as np
import streamlit as st

from mnistdash.evaluation import label_errors
from mnistdash.evaluation.mcnemar import PairedComparison, verdict
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs import store
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.errors import gallery
from mnistdash.ui.errors.address import bound, write
from mnistdash.ui.errors.gallery import ExplorerContext
from mnistdash.ui.errors.query_state import GROUPS, QueryState
from mnistdash.ui.plots import evaluation

REFUSED = 0.01  # share, of the sentence on refusing
MOST_SUSPECTS = 300  # that are listed


def confidence(subject: ExplorerContext) -> None:
    """Whether the model is as sure as it is right, and what refusing would bring."""
    result = subject.result
    left, right = st.columns(2, gap="large")
    with left, st.container(key="reliability"):
        st.subheader("As sure as it is right?", anchor=False)
        plotly_chart.chart(evaluation.reliability_chart(result), key="reliability_plot", alt="Reliability diagram")
        st.caption(
            f"Expected calibration error: {100 * result.calibration_error:.2f} points, over 15 bins. "
            f"{result.reliability.count[-1] / len(result.labels):.1%} of the digits are in the last bin."
        )
    with right, st.container(key="refusal"):
        st.subheader("If it may refuse", anchor=False)
        plotly_chart.chart(
            evaluation.refusal_chart({subject.run.name: result}), key="refusal_plot", alt="Share refused"
        )
        refused, kept = result.selective_accuracy
        place = int(np.searchsorted(refused, REFUSED))
        place = min(place, len(refused) - 1)
        st.caption(
            f"Refusing the {refused[place]:.1%} it is least sure of raises the share read right from "
            f"{result.accuracy:.2%} to {kept[place]:.2%}."
        )


def compare(subject: ExplorerContext, link: QueryState) -> None:
    """This model against another on the same digits."""
    others = [run for run in store.list_models(resources.settings().models) if run.name != subject.run.name]
    if not others:
        st.info("There is only one model yet. Train another to compare them.", icon=":material/model_training:")
        st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
        return
    names = [run.name for run in others]
    other = link.other if link.other in names else names[0]
    if other != link.other:
        write({"other": other})  # which model is the first may change, and the link shall not
    st.selectbox("Compare with", names, width=320, **bound(link, "other", other))
    second = widgets.split_predictions(others[names.index(other)], subject.data, subject.name).result
    rivalry = PairedComparison.from_results(subject.result, second)
    groups = dict(zip(GROUPS, (rivalry.only_first, rivalry.only_second, rivalry.both), strict=True))
    labels = dict(zip(GROUPS, (f"Only {subject.run.name}", f"Only {other}", "Both"), strict=True))
    with st.container(horizontal=True):
        for group, found in groups.items():
            st.metric(f"{labels[group]} misread", f"{len(found):,}", border=True, width="content")
    st.markdown(verdict(rivalry, subject.run.name, other) + " (McNemar's test)")
    st.segmented_control("Misread by", GROUPS, required=True, format_func=labels.get, **bound(link, "group"))
    chosen = groups[link.group]
    if not len(chosen):
        st.info("There are no such digits.", icon=":material/filter_alt_off:")
        return
    notes = {index: f"{other}: {second.predicted[index]}" for index in chosen.tolist()}
    gallery.show_gallery(subject, link, chosen, f": true → read by {subject.run.name}", notes)


def labels(subject: ExplorerContext, link: QueryState) -> None:
    """The labels that look wrong, the most suspicious first."""
    found = _suspects(subject.run.name, subject.run.version, subject.data.name, subject.name, subject.result)
    st.markdown(
        f"Confident learning takes **{found.flagged:,}** of the {len(found.ranking):,} labels for wrong. Below are "
        "those that the model finds least likely: bad labels, and digits that it just cannot read."
    )
    if subject.is_seen:
        st.caption("The model was trained on these labels, so it is inclined to believe them.")
    notes = {index: f"quality {found.quality[index]:.3f}" for index in found.ranking[:MOST_SUSPECTS].tolist()}
    gallery.show_gallery(subject, link, found.ranking[:MOST_SUSPECTS], ", the most suspicious label first", notes)


@st.cache_resource(max_entries=8, show_spinner="Ranking the labels …")
def _suspects(name: str, version: int, data: str, split: str, _result: Evaluation) -> label_errors.LabelIssues:
    return label_errors.find_label_issues(_result)
