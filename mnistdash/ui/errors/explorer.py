"""The error explorer: an open digit, or one of the sections."""

import numpy as np
import streamlit as st

from mnistdash.data import label_votes
from mnistdash.data.dataset import SPLITS, Dataset
from mnistdash.runs import annotations, store
from mnistdash.runs.annotations import Annotation
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.errors import detail, digits, gallery, map, query_state, robustness, sections
from mnistdash.ui.errors.gallery import ExplorerContext
from mnistdash.ui.errors.query_state import QueryState


def check_link(data: Dataset) -> None:
    """Collect a sentence about each invalid parameter of the address for `show_link_problems`.

    Call it before the widgets that are bound to the address, because they remove values that they do not accept.
    """
    split = st.query_params.get("split")
    count = len(data.split(split if split in SPLITS else SPLITS[0]))
    _, problems = query_state.parse(st.query_params, _models(), count)
    if removed := query_state.DEFAULTS.keys() & problems.keys():
        st.query_params.update({name: [] for name in removed})
    st.session_state.setdefault("link_problems", {}).update(problems)


def show_link_problems() -> None:
    """Show the collected sentences once; they outlast reruns of a page that waits for predictions."""
    if problems := st.session_state.pop("link_problems", None):
        st.warning(" ".join(problems.values()), icon=":material/link_off:")


@st.fragment
@widgets.guarded("Errors, explorer")
def explore(run: Run, data: Dataset, name: str) -> None:
    """Show the open digit or a section; a click reruns only this.

    Args:
        run: the model.
        data: the data set.
        name: of the split.
    """
    found = widgets.split_predictions(run, data, name)
    # The votes are about MNIST's test digits.
    votes = label_votes.load_label_votes() if (data.name, name) == ("mnist", "test") else {}
    marks: dict[int, Annotation] = {}
    with widgets.guarded("Errors, annotations"):
        marks = annotations.load_annotations(run, data.name, name)
    context = ExplorerContext(run, data, name, found.result, found.features, votes, marks)
    query = query_state.read(_models(), len(context.split))
    if query.digit is not None:
        detail.show(context, query)
        return
    # Streamlit keeps the values of the sliders that left the page, and the next digit starts unperturbed.
    robustness.reset_sliders()
    _show_section(context, query)


def _show_section(context: ExplorerContext, query: QueryState) -> None:
    widgets.segments("Section", **query_state.choice("section", query.section))
    if query.section == "digits":
        digits.show(context, query)
    elif query.section == "confidence":
        sections.show_confidence(context)
    elif query.section == "robustness":
        robustness.show_curves(context.run, context.data, context.name)
    elif query.section == "map":
        selected = map.show(context, query)
        if selected is not None:
            is_correct = context.result.predicted[selected] == context.result.labels[selected]
            indices = selected[np.argsort(is_correct, kind="stable")]
            gallery.show_gallery(context, query, indices, ", errors first")
    elif query.section == "compare":
        sections.show_comparison(context, query)
    else:
        sections.show_labels(context, query)


def _models() -> list[str]:
    return [run.name for run in store.list_models(resources.settings().models)]
