"""Errors: the digits a model gets wrong."""

import math

import numpy as np
import streamlit as st

from mnistdash import charts, markup, ui
from mnistdash.datasets import SPLITS, Split
from mnistdash.disputed import Dispute, disputes
from mnistdash.evaluation import Evaluation

PER_PAGE = 100  # digits in the gallery at a time
DIGITS = list(range(10))


def summary(result: Evaluation, votes: dict[int, Dispute]) -> None:
    """Accuracy, as published and without the disputed labels, errors and the confusion matrix."""
    figures = {
        "Accuracy": f"{result.accuracy:.2%}",
        "Errors": f"{len(result.errors):,}",
        "Images": f"{len(result.labels):,}",
    }
    if votes:
        figures = {
            "Accuracy": figures.pop("Accuracy"),
            "Without disputed": f"{result.accuracy_without(np.array(sorted(votes))):.2%}",
            **figures,
        }
    for column, (label, value) in zip(st.columns(len(figures), gap="medium"), figures.items(), strict=True):
        column.metric(label, value, border=True)
    if votes:
        misread = sum(index in votes for index in result.errors.tolist())
        st.markdown(
            f"Of {len(votes)} test digits fewer than three of five raters confirmed the published label; {misread} of "
            f"the {len(result.errors):,} errors are among them. Source: [Northcutt, Athalye and Mueller, 2021]"
            "(https://github.com/cleanlab/label-errors)."
        )
    st.subheader("Confusion matrix", anchor=False)
    with st.container(key="confusion", width=620):
        ui.chart(charts.confusion_chart(result.confusion), key="confusion_plot", alt="Confusion matrix")
        st.caption("Row: true digit. Column: what it was read as. The colour marks the errors.")


def gallery(result: Evaluation, split: Split, votes: dict[int, Dispute]) -> None:
    """The misread digits, filtered, the most confident mistakes first."""
    st.subheader("Misread digits", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        true = st.pills("True digit", DIGITS, selection_mode="multi", key="true", wrap=True)
        read = st.pills("Predicted digit", DIGITS, selection_mode="multi", key="predicted", wrap=True)
    errors = result.errors
    kept = np.isin(result.labels[errors], true or DIGITS) & np.isin(result.predicted[errors], read or DIGITS)
    chosen = errors[kept]
    with st.container(key="gallery"):
        if not len(errors):
            st.success("No digit of this split is misread.", icon=":material/check_circle:")
            return
        if not len(chosen):
            st.info("No mistake of this kind. Choose other digits.", icon=":material/filter_alt_off:")
            return
        pages = math.ceil(len(chosen) / PER_PAGE)
        page = st.pagination(pages, key=f"page-{len(chosen)}") if pages > 1 else 1
        shown = chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
        first = (page - 1) * PER_PAGE + 1
        st.caption(
            f"{first:,} to {first + len(shown) - 1:,} of {len(chosen):,}: true → predicted, "
            "the most confident mistakes first."
        )
        st.html(
            markup.gallery(
                split.images[shown],
                result.labels[shown],
                result.predicted[shown],
                result.confidence[shown],
                shown,
                [f"raters: {votes[index]}" if index in votes else "" for index in shown.tolist()],
            )
        )


ui.page("Errors")
st.title("Errors", anchor=False)
data = ui.dataset()
with st.container(horizontal=True):
    with st.container(width=320):
        run = ui.model_picker()
    name = st.selectbox("Split", SPLITS, key="split", bind="query-params", width=320)
if run is not None:
    result = ui.evaluate(run, data, name)
    # The votes are on MNIST's own test digits.
    votes = disputes() if (data.name, name) == ("mnist", "test") else {}
    summary(result, votes)
    gallery(result, data.split(name), votes)
