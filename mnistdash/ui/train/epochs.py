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
    epoch = _choose_epoch(run, so_far, data)
    if epoch is None:
        return
    labels = data.validation.labels
    saved = [
        _predictions(run.folder, run.config.created, e, len(labels))
        for e in snapshots.snapshot_epochs(run.folder)
        if e <= epoch
    ]
    predictions = saved[-1]
    if predictions is None:
        widgets.show_error("The saved predictions of this epoch are damaged or belong to different data.")
        return
    confusion = metrics.confusion_matrix(labels, predictions.predicted)
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="epoch_confusion"):
        st.subheader("Confusion matrix", anchor=False)
        plotly_chart.chart(
            training.confusion_chart(confusion), key="epoch_confusion_plot", alt=f"Confusion matrix after epoch {epoch}"
        )
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
        st.html(
            gallery(
                data.validation.images[hardest],
                labels[hardest],
                predictions.predicted[hardest],
                predictions.confidence[hardest].astype(float),
                hardest,
                ["forgotten" if forgotten[index] else "" for index in hardest],
            )
        )


def show_features(run: Run, so_far: History, data: Dataset) -> None:
    """Show the first layer's weights and each layer's activations for a chosen digit and epoch."""
    epoch = _choose_epoch(run, so_far, data)
    if epoch is None:
        return
    saved, view = _latest_view(run, epoch)
    recipe = recipes.RECIPES.get(run.config.recipe)
    is_mixture = recipe is not None and recipe.loss == "members_cross_entropy"
    st.subheader("First layer", anchor=False)
    st.caption(
        f"Weights after epoch {saved}: warm colors are positive, cold colors negative."
        + (" Of the networks in this model, only the one for drawings is shown." if is_mixture else "")
    )
    with st.container(key="filters"):
        st.html(filters(view.filters))
    st.subheader("Activations", anchor=False)
    if not view.layers:
        st.caption("This network has no hidden layers.")
        return
    digit = st.segmented_control(
        "Digit", range(10), default=0, required=True, key="activated", label_visibility="collapsed"
    )
    st.caption("How strongly each layer responds (brighter is stronger). First eight channels.")
    image = data.validation.images[snapshots.first_of_each_digit(data.validation.labels)[digit]]
    with st.container(key="activations"):
        st.html(activations(image, [(layer.name, layer.maps[digit]) for layer in view.layers]))


def _choose_epoch(run: Run, so_far: History, data: Dataset) -> int | None:
    """Show a slider over the saved epochs, which follows the last one until it is moved; return None without any."""
    epochs = snapshots.snapshot_epochs(run.folder)
    if so_far.data is not None and so_far.data != data.name:
        st.info("This run was trained on different data.", icon=":material/info:")
        return None
    if not epochs:
        if run.status in ACTIVE:
            st.info("Available after the first epoch.", icon=":material/hourglass_empty:")
        else:
            st.info("No data about its epochs was saved for this run.", icon=":material/info:")
        return None
    if len(epochs) == 1:
        return epochs[0]
    key, last = f"epoch-of-{run.name}", f"last-epoch-of-{run.name}"
    if st.session_state.get(key) in (None, st.session_state.get(last)) or st.session_state[key] not in epochs:
        st.session_state[key] = epochs[-1]
    st.session_state[last] = epochs[-1]
    return st.select_slider("Epoch", epochs, key=key)


def _latest_view(run: Run, epoch: int) -> tuple[int, NetworkView]:
    """Return the last epoch up to `epoch` whose network view was saved, and that view."""
    for saved in reversed([e for e in snapshots.snapshot_epochs(run.folder) if e <= epoch]):
        if (view := snapshots.read_network_view(run.folder, saved)) is not None:
            return saved, view
    return epoch, NetworkView(np.zeros((0, 1, 1), np.float32), [])


# A deleted run's name may be used again: `created` tells the two apart.
@st.cache_resource(max_entries=3_000, show_spinner=False)
def _predictions(run: Path, created: float, epoch: int, digits: int) -> EpochPredictions | None:
    """Return the predictions after an epoch, or None if the file is damaged or of another number of digits."""
    try:
        predictions = snapshots.read_predictions(run, epoch)
    except RunError:
        return None
    return predictions if len(predictions.predicted) == digits else None
