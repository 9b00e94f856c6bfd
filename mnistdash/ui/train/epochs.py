"""A run epoch by epoch on Train: validation errors, filters and activations."""

from pathlib import Path

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation import metrics
from mnistdash.exceptions import RunError
from mnistdash.runs import recipes, snapshots
from mnistdash.runs.history import History
from mnistdash.runs.run import ACTIVE, Run
from mnistdash.runs.snapshots import EpochPredictions, NetworkView
from mnistdash.ui import widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.html.digits import digit_scores, gallery
from mnistdash.ui.html.network import activations, filters
from mnistdash.ui.plots import training

MAX_HARDEST = 20  # digits


def show_errors(run: Run, so_far: History, data: Dataset) -> None:
    """Show the confusion matrix, the accuracy on each digit and the hardest digits after a chosen epoch."""
    epochs = _choose_epochs(run, so_far, data)
    if not epochs:
        return
    labels, epoch = data.validation.labels, epochs[-1]
    saved = [_predictions(run.folder, run.config.created, number, len(labels)) for number in epochs]
    predictions = saved[-1]
    if predictions is None:
        widgets.show_error("The saved predictions of this epoch are damaged or belong to different data.")
        return
    confusion = metrics.confusion_matrix(labels, predictions.predicted)
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="epoch_confusion"):
        st.subheader("Confusion matrix", anchor=False)
        chart, alt = training.confusion_chart(confusion), f"Confusion matrix after epoch {epoch}"
        plotly_chart.chart(chart, key="epoch_confusion_plot", alt=alt)
    with right, st.container(key="epoch_digits"):
        st.subheader("Accuracy per digit", anchor=False)
        st.html(digit_scores(confusion))
    with st.container(key="epoch_hardest"):
        st.subheader("Hardest digits", anchor=False)
        errors = int((predictions.predicted != labels).sum())
        if not errors:
            st.success("No validation errors after this epoch.", icon=":material/check_circle:")
            return
        forgotten = metrics.forgotten([*filter(None, saved)], labels)
        hardest = metrics.hardest_errors(predictions, labels, MAX_HARDEST)
        st.caption(
            f"{errors:,} of {len(labels):,} validation digits are misclassified after epoch {epoch}. The least likely "
            f"true labels come first. Frames mark the {int(forgotten.sum()):,} forgotten digits, which were correct "
            "after an earlier epoch."
        )
        columns = (hardest, labels[hardest], predictions.predicted[hardest], predictions.confidence[hardest])
        listed = zip(*(column.tolist() for column in columns), strict=True)
        notes = dict.fromkeys(np.flatnonzero(forgotten).tolist(), "forgotten")
        st.html(gallery(data.validation.images[hardest], listed, notes))


def show_features(run: Run, so_far: History, data: Dataset) -> None:
    """Show the first layer's weights and each layer's activations for a chosen digit and epoch."""
    epochs = _choose_epochs(run, so_far, data)
    if not epochs:
        return
    saved, view = _latest_view(run, epochs)
    recipe = recipes.RECIPES.get(run.config.recipe)
    is_mixture = recipe is not None and recipe.loss == "mixture_cross_entropy"
    st.subheader("First layer", anchor=False)
    st.caption(
        f"Weights after epoch {saved}: warm colors are positive, cold colors negative."
        + (" Of the networks in this model, only the one for drawings is shown." if is_mixture else "")
    )
    st.container(key="filters").html(filters(view.filters))
    st.subheader("Activations", anchor=False)
    if not view.layers:
        st.caption("This network has no hidden layers.")
        return
    digit = widgets.segments("Digit", range(10), default=0, key="activated")
    st.caption("How strongly each layer responds (brighter is stronger). First eight channels.")
    image = data.validation.images[snapshots.first_of_each_digit(data.validation.labels)[digit]]
    st.container(key="activations").html(activations(image, [(name, maps[digit]) for name, maps in view.layers]))


def _choose_epochs(run: Run, so_far: History, data: Dataset) -> list[int]:
    """Show a slider over the saved epochs, which follows the last one until it is moved.

    Returns:
        The saved epochs up to the chosen one.
    """
    epochs = snapshots.snapshot_epochs(run.folder)
    if so_far.data is not None and so_far.data != data.name:
        st.info("This run was trained on different data.", icon=":material/info:")
        return []
    if not epochs:
        if run.status in ACTIVE:
            st.info("Available after the first epoch.", icon=":material/hourglass_empty:")
        else:
            st.info("No data about its epochs was saved for this run.", icon=":material/info:")
    if len(epochs) < 2:
        return epochs
    key, last = f"epoch-of-{run.name}", f"last-epoch-of-{run.name}"
    if st.session_state.get(key) in (None, st.session_state.get(last)) or st.session_state[key] not in epochs:
        st.session_state[key] = epochs[-1]
    st.session_state[last] = epochs[-1]
    chosen = st.select_slider("Epoch", epochs, key=key)
    return [epoch for epoch in epochs if epoch <= chosen]


def _latest_view(run: Run, epochs: list[int]) -> tuple[int, NetworkView]:
    """Return the last of the epochs whose network view was saved, and that view."""
    for epoch in reversed(epochs):
        if (view := snapshots.read_snapshot(run.folder, epoch)[1]) is not None:
            return epoch, view
    return epochs[-1], NetworkView(np.zeros((0, 1, 1), np.float32), [])


# A deleted run's name may be used again: `created` tells the two apart.
@st.cache_resource(max_entries=3_000, show_spinner=False)
def _predictions(run: Path, created: float, epoch: int, digits: int) -> EpochPredictions | None:
    """Return the predictions after an epoch, or None if the file is damaged or of another number of digits."""
    try:
        predictions, _ = snapshots.read_snapshot(run, epoch)
    except RunError:
        return None
    return predictions if len(predictions.predicted) == digits else None
