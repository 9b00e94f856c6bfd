"""The sections Confidence, Compare and Labels."""

import numpy as np
import streamlit as st

from mnistdash.evaluation import label_errors
from mnistdash.evaluation.mcnemar import PairedComparison, verdict
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs import store
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.errors import gallery, query_state
from mnistdash.ui.errors.gallery import ExplorerContext
from mnistdash.ui.errors.query_state import QueryState
from mnistdash.ui.plots import evaluation

SKIPPED = 0.01  # share of the digits that the sentence on selective prediction skips
MAX_LABEL_ISSUES = 300  # listed


def show_confidence(context: ExplorerContext) -> None:
    """Show the calibration of the model and its accuracy on the digits it is most confident of."""
    result = context.result
    left, right = st.columns(2, gap="large")
    with left, st.container(key="reliability"):
        st.subheader("Calibration: is the confidence justified?", anchor=False)
        plotly_chart.chart(evaluation.reliability_chart(result), key="reliability_plot", alt="Reliability diagram")
        st.caption(
            f"Expected calibration error: {100 * result.calibration_error:.2f} percentage points, over 15 bins. "
            f"{result.reliability.count[-1] / len(result.labels):.1%} of the digits are in the last bin."
        )
    with right, st.container(key="refusal"):
        st.subheader("Selective prediction", anchor=False)
        figure = evaluation.selective_prediction_chart(context.run.name, result)
        plotly_chart.chart(figure, key="refusal_plot", alt="Accuracy by share of skipped digits")
        skipped, accuracy = result.selective_accuracy
        place = min(int(np.searchsorted(skipped, SKIPPED)), len(skipped) - 1)
        st.caption(
            f"Skipping the least confident {skipped[place]:.1%} raises accuracy from {result.accuracy:.2%} to "
            f"{accuracy[place]:.2%}."
        )


def show_comparison(context: ExplorerContext, query: QueryState) -> None:
    """Compare the errors of two models on the same digits."""
    runs = {run.name: run for run in store.list_models(resources.settings().models) if run.name != context.run.name}
    if not runs:
        st.info("There is only one model. Train another one to compare them.", icon=":material/model_training:")
        st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
        return
    other = query.other if query.other in runs else next(iter(runs))
    if other != query.other:
        query_state.update(other=other)  # a link keeps its model when another one becomes the first
    st.selectbox("Compare with", list(runs), width=320, **query_state.control("other", other))
    second = widgets.split_predictions(runs[other], context.data, context.name).result
    comparison = PairedComparison.from_results(context.result, second)
    groups = {"first": comparison.only_first, "second": comparison.only_second, "both": comparison.both}
    labels = {"first": f"{context.run.name} only", "second": f"{other} only", "both": "both models"}
    with st.container(horizontal=True):
        for group, indices in groups.items():
            st.metric(f"Errors of {labels[group]}", f"{len(indices):,}", border=True, width="content")
    st.markdown(verdict(comparison, context.run.name, other) + " (McNemar's test)")
    control = query_state.control("group", query.group)
    st.segmented_control("Errors of", groups, required=True, format_func=lambda group: labels[group], **control)
    indices = groups[query.group]
    if not len(indices):
        st.info("No digits match.", icon=":material/filter_alt_off:")
        return
    remarks = {index: f"{other}: {second.predicted[index]}" for index in indices.tolist()}
    gallery.show_gallery(context, query, indices, f": true → predicted by {context.run.name}", remarks)


def show_labels(context: ExplorerContext, query: QueryState) -> None:
    """List the labels that are likely wrong, the least likely first."""
    run, quality = context.run, context.result.label_quality
    flagged = _count_label_issues(run.name, run.version, context.data.name, context.name, context.result)
    st.markdown(
        f"Confident learning flags **{flagged:,}** of {len(quality):,} labels as likely wrong. The "
        "gallery lists the labels that the model finds least likely: wrong labels, and digits it misclassifies."
    )
    if context.is_seen:
        st.caption("The model was trained on these labels, so it tends to agree with them.")
    indices = np.argsort(quality, kind="stable")[:MAX_LABEL_ISSUES]
    remarks = {index: f"quality {quality[index]:.3f}" for index in indices.tolist()}
    gallery.show_gallery(context, query, indices, ", least likely label first", remarks)


@st.cache_resource(max_entries=8, show_spinner="Ranking labels")
def _count_label_issues(name: str, version: int, data: str, split: str, _result: Evaluation) -> int:
    return label_errors.count_label_issues(_result)
