"""A run epoch by epoch on Train: the validation digits it gets wrong, its filters and activations."""

from pathlib import Path

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation import metrics
from mnistdash.evaluation.metrics import confusion_matrix
from mnistdash.runs import recipes, snapshots, store
from mnistdash.runs.history import History
from mnistdash.runs.run import ACTIVE, Run
from mnistdash.runs.snapshots import EpochPredictions, NetworkView
from mnistdash.ui import widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.html.digits import digit_scores, gallery
from mnistdash.ui.html.network import activations, filters
from mnistdash.ui.plots import training

HARDEST = 20  # digits shown


def mistakes(run: Run, so_far: History, data: Dataset) -> None:
    """Confusion matrix, accuracy of each digit and the hardest digits, of a chosen epoch."""
    epoch = _choose_epoch(run, so_far, data)
    if epoch is None:
        return
    labels = data.validation.labels
    earlier = (_answers_or_none(run, e, len(labels)) for e in snapshots.snapshot_epochs(run.folder) if e < epoch)
    answers = _answers(run.folder, run.config.created, epoch)
    if len(answers.predicted) != len(labels):
        widgets.show_error("What was kept of this epoch is about other digits than these pages show now.")
        return
    history = [*filter(None, earlier), answers]
    confusion = confusion_matrix(labels, answers.predicted)
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="epoch_confusion"):
        st.subheader("Confusion matrix", anchor=False)
        plotly_chart.chart(
            training.confusion_chart(confusion), key="epoch_confusion_plot", alt=f"Confusion matrix after epoch {epoch}"
        )
    with right, st.container(key="epoch_digits"):
        st.subheader("Each digit", anchor=False)
        st.html(digit_scores(confusion))
    wrong = int((answers.predicted != labels).sum())
    forgotten = metrics.forgotten(history, labels)
    shown = metrics.hardest_errors(answers, labels, HARDEST)
    with st.container(key="epoch_hardest"):
        st.subheader("Hardest digits", anchor=False)
        if not wrong:
            st.success("No validation digit is misread after this epoch.", icon=":material/check_circle:")
            return
        st.caption(
            f"{wrong:,} of {len(labels):,} validation digits are misread after epoch {epoch}; those whose true label "
            f"seemed least likely come first. {int(forgotten.sum()):,} of them were read right after an earlier epoch "
            "and are framed: forgotten."
        )
        st.html(
            gallery(
                data.validation.images[shown],
                labels[shown],
                answers.predicted[shown],
                answers.confidence[shown].astype(float),
                shown,
                ["forgotten" if forgotten[index] else "" for index in shown],
            )
        )


def features(run: Run, so_far: History, data: Dataset) -> None:
    """The weights of the first layer, and how each layer answers to a chosen digit, of a chosen epoch."""
    epoch = _choose_epoch(run, so_far, data)
    if epoch is None:
        return
    kept, details = _latest_details(run, epoch)
    recipe = recipes.RECIPES.get(run.config.recipe)
    has_members = recipe is not None and recipe.loss == "members_cross_entropy"
    st.subheader("First layer", anchor=False)
    st.caption(
        f"The weights after epoch {kept}: warm colours look for ink, cold ones for paper."
        + (" Of the networks in it, the one for drawings is shown." if has_members else "")
    )
    with st.container(key="filters"):
        st.html(filters(details.filters))
    st.subheader("Activations", anchor=False)
    if not details.layers:
        st.caption("This network has no layer between the pixels and the answer: the weights above are all it has.")
        return
    digit = st.segmented_control(
        "Digit", range(10), default=0, required=True, key="activated", label_visibility="collapsed"
    )
    st.caption("Where each layer answers to this digit, the brighter the more; of its channels the first eight.")
    image = data.validation.images[snapshots.first_of_each_digit(data.validation.labels)[digit]]
    with st.container(key="activations"):
        st.html(activations(image, [(layer.name, layer.maps[digit]) for layer in details.layers]))


def _choose_epoch(run: Run, so_far: History, data: Dataset) -> int | None:
    """A slider over the epochs so far, at the last one until it is moved; None where there is nothing to show."""
    epochs = snapshots.snapshot_epochs(run.folder)
    if so_far.data is not None and so_far.data != data.name:
        st.info("This run was trained on other data than these pages show now.", icon=":material/info:")
        return None
    if not epochs:
        waits = run.status in ACTIVE
        st.info(
            "This fills as soon as the first epoch has ended." if waits else "Nothing was kept of this run's epochs.",
            icon=":material/hourglass_empty:" if waits else ":material/info:",
        )
        return None
    if len(epochs) == 1:
        return epochs[0]
    key, last = f"epoch-of-{run.name}", f"last-epoch-of-{run.name}"
    # It follows the run, unless someone has moved it back.
    if st.session_state.get(key) in (None, st.session_state.get(last)) or st.session_state[key] not in epochs:
        st.session_state[key] = epochs[-1]
    st.session_state[last] = epochs[-1]
    return st.select_slider("Epoch", epochs, key=key)


def _latest_details(run: Run, epoch: int) -> tuple[int, NetworkView]:
    """The last epoch until `epoch` of which details were kept, and they; the first epoch always has some."""
    for kept in reversed([e for e in snapshots.snapshot_epochs(run.folder) if e <= epoch]):
        if (details := _details(run.folder, run.config.created, kept)) is not None:
            return kept, details
    return epoch, NetworkView(np.zeros((0, 1, 1), np.float32), [])


def _answers_or_none(run: Run, epoch: int, digits: int) -> EpochPredictions | None:
    """Those of an epoch of which nothing else depends on them; None where its file is damaged."""
    try:
        answers = _answers(run.folder, run.config.created, epoch)
    except store.RunError:
        return None
    return answers if len(answers.predicted) == digits else None


# A name may be used again after a run was deleted; when it was created tells it from the former.
@st.cache_resource(max_entries=3_000, show_spinner=False)
def _answers(run: Path, created: float, epoch: int) -> EpochPredictions:
    return snapshots.read_predictions(run, epoch)


@st.cache_resource(max_entries=100, show_spinner=False)
def _details(run: Path, created: float, epoch: int) -> NetworkView | None:
    return snapshots.read_network_view(run, epoch)
