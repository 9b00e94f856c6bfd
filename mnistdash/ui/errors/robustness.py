"""Robustness: one digit perturbed with sliders, and the accuracy of a model by perturbation."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation.perturbations import KINDS, Perturbation, perturb
from mnistdash.evaluation.robustness import MAX_DIGITS, Curves, FlipMap, Predictor, flip_map
from mnistdash.inference.recognize import DIGIT
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.html import digits, network
from mnistdash.ui.html.flip_map import flip_grid, summary
from mnistdash.ui.plots import evaluation

# Parameters across and down, and cells along each axis; shifts are whole pixels, as other ones would also blur.
MAPS = {"shift": ("right", "down", 17), "turn": ("turn", "size", 13), "stroke": ("stroke", "noise", 13)}


@st.fragment
@widgets.guarded("Errors, robustness")
def show_perturbations(image: np.ndarray, label: int, model: Predictor, map_control: dict[str, Any]) -> None:
    """Show sliders that perturb a digit, the prediction for it, and a map of predictions.

    Args:
        image: (28, 28) uint8, 255 = ink.
        label: its true digit.
        model: predicts.
        map_control: arguments of the segmented control that chooses the map, one of MAPS.
    """
    # The image comes before the sliders, so that both are visible on a phone.
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with right:
        perturbation = _sliders()
    perturbed = perturb(image[None], perturbation)
    unperturbed, probabilities = model(np.concatenate([image[None], perturbed]))
    with left, st.container(key="disturbed-now"):
        view, answer = st.columns([2, 3], vertical_alignment="center", wrap=False)
        with view:
            st.html(network.network_view(perturbed[0]))
        with answer:
            st.html(digits.answer(DIGIT, probabilities, None))
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="disturbed-probabilities"):
        st.html(digits.probability_bars(probabilities))
        confidence = digits.percent(float(unperturbed.max()))
        st.caption(f"True digit: {label}. Unperturbed prediction: {unperturbed.argmax()}, {confidence}.")
    with right, st.container(key="disturbed-flips"):
        name = st.segmented_control("Predictions by", required=True, **map_control)
        st.html(flip_grid(_flip_map(image, model, perturbation, name), perturbation, label))


def show_curves(run: Run, data: Dataset, split_name: str) -> None:
    """Show a model's accuracy by perturbation; a background task measures it unless it is stored.

    Args:
        run: the model's run.
        data: the data set.
        split_name: the split to measure on.
    """
    measured = f"the first {min(MAX_DIGITS, len(data.split(split_name))):,} {split_name} digits"
    label = f"Measuring robustness on {measured}"
    with st.container(key="robustness_state"):
        curves = widgets.result_or_progress(resources.robustness_task(run, data, split_name), label)
        if curves is not None:
            st.caption(summary(curves, measured))
    _charts(curves)


def reset_sliders() -> None:
    """Move the sliders to the unperturbed digit."""
    st.session_state.update(asdict(Perturbation()))


def _sliders() -> Perturbation:
    columns = [*st.columns(3), *st.columns(3)]
    for column, kind in zip(columns, KINDS.values(), strict=True):
        number = "percent" if kind.unit == "%" else f"%g{kind.unit}"
        limits = (kind.low, kind.high, kind.neutral, kind.step)
        column.slider(kind.label, *limits, format=number, key=kind.key, bind="query-params")
    perturbation = Perturbation(**{kind: st.session_state[kind] for kind in KINDS})
    icon, is_neutral = ":material/restart_alt:", perturbation == Perturbation()
    st.button("Reset", icon=icon, key="disturbed-reset", disabled=is_neutral, on_click=reset_sliders)
    return perturbation


def _flip_map(image: np.ndarray, model: Predictor, perturbation: Perturbation, name: str) -> FlipMap:
    """Compute a map of MAPS, or return the last one: its own two sliders do not change it."""
    across, down, cells = MAPS[name]
    base = replace(perturbation, **{kind: KINDS[kind].neutral for kind in (across, down)})
    inputs = (image.tobytes(), model, base, name)
    kept = st.session_state.get("flips_kept")
    if kept is None or kept[0] != inputs:
        kept = inputs, flip_map(model, image, across, down, base, cells)
        st.session_state.flips_kept = kept
    return kept[1]


def _charts(curves: Curves | None) -> None:
    """Show six charts; they are empty until the curves are measured, so that the page does not jump."""
    columns = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]
    for column, (key, kind) in zip(columns, KINDS.items(), strict=True):
        measured = (kind.levels, curves[key].tolist()) if curves else ([], [])
        figure, alt = evaluation.robustness_chart(kind, *measured), evaluation.describe_robustness(kind, *measured)
        with column:
            plotly_chart.chart(figure, key=f"robustness-{key}", alt=alt)
