"""How robust a model is: one digit disturbed by hand, and a whole model's accuracy against each disturbance."""

from dataclasses import asdict, replace

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation.perturbations import KINDS, Perturbation, perturb
from mnistdash.evaluation.robustness import MAX_DIGITS, FlipMap, Predictor, RobustnessCurves, flip_map
from mnistdash.inference.recognize import DIGIT
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.errors.address import bound, go
from mnistdash.ui.errors.query_state import FLIPS, QueryState
from mnistdash.ui.html import digits, network
from mnistdash.ui.html.flip_map import flip_grid, summary
from mnistdash.ui.plots import robustness

# Kinds across and down, and cells along each; shifts by whole pixels, as others would blur the digit too.
MAPS = {"shift": ("right", "down", 17), "turn": ("turn", "size", 13), "stroke": ("stroke", "noise", 13)}
NAMES = {"shift": "Shift", "turn": "Turn and size", "stroke": "Stroke and noise"}


def one_digit(image: np.ndarray, label: int, model: Predictor, link: QueryState) -> None:
    """Disturb a digit by hand: sliders, what the model then reads, and a map of where the reading flips.

    Args:
        image: (28, 28) uint8, 255 = ink.
        label: its true digit.
        model: what reads.
        link: what the address asks for; the sliders and the map change it.
    """
    _one_digit(image, label, model, {name: bound(link, name) for name in (*KINDS, "flips")})


@st.fragment
@widgets.guarded("Errors, robustness")
def _one_digit(image: np.ndarray, label: int, model: Predictor, controls: dict[str, dict]) -> None:
    # The picture stands before the sliders, so that both are in view on a phone.
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with right:
        setting = _sliders(controls)
    now = perturb(image[None], setting)
    plain, probabilities = model(np.concatenate([image[None], now]))
    undisturbed = int(plain.argmax())
    with left, st.container(key="disturbed-now"):
        view, said = st.columns([2, 3], vertical_alignment="center", wrap=False)
        with view:
            st.html(network.network_view(now[0]))
        with said:
            st.html(digits.answer(DIGIT, probabilities, None))
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key="disturbed-probabilities"):
        st.html(digits.probability_bars(probabilities))
        sure = digits.percent(float(plain.max()))
        st.caption(f"The true digit is {label}; undisturbed it is read as {undisturbed}, {sure} sure.")
    with right, st.container(key="disturbed-flips"):
        name = st.segmented_control("Where it flips", FLIPS, required=True, format_func=NAMES.get, **controls["flips"])
        flips = _flips(image, model, setting, name)
        st.html(flip_grid(flips, setting, label))


def whole_model(run: Run, data: Dataset, split_name: str) -> None:
    """A model's accuracy against each kind of disturbance, measured in the background where it is not kept yet.

    Args:
        run: whose model it is.
        data: that it reads.
        split_name: of the split to read.
    """
    count = min(MAX_DIGITS, len(data.split(split_name)))
    label = f"{run.name} predicts the first {count:,} digits of the {split_name} split, perturbed …"
    with st.container(key="robustness_state"):
        made = widgets.result_or_progress(resources.robustness_task(run, data, split_name), label)
        if made is not None:
            st.caption(summary(made, split_name))
    _charts(made)


def _sliders(controls: dict[str, dict]) -> Perturbation:
    """Six sliders and a button that puts them back."""
    columns = [*st.columns(3), *st.columns(3)]
    for column, kind in zip(columns, KINDS.values(), strict=True):
        column.slider(
            kind.label,
            kind.low,
            kind.high,
            step=kind.step,
            format="percent" if kind.unit == "%" else f"%g{kind.unit}",
            **controls[kind.key],
        )
    setting = Perturbation(**{kind: st.session_state[kind] for kind in KINDS})
    st.button(
        "Reset",
        icon=":material/restart_alt:",
        key="disturbed-reset",
        disabled=setting == Perturbation(),
        on_click=_reset,
    )
    return setting


def _reset() -> None:
    neutral = asdict(Perturbation())
    st.session_state.update(neutral)
    go(**neutral)


def _flips(image: np.ndarray, model: Predictor, setting: Perturbation, name: str) -> FlipMap:
    """A map of MAPS; the last one is kept, as its own two sliders do not change it."""
    across, down, cells = MAPS[name]
    base = replace(setting, **{kind: KINDS[kind].neutral for kind in (across, down)})
    asked = (image.tobytes(), model, base, name)
    kept = st.session_state.get("flips_kept")
    if kept is None or kept[0] != asked:
        kept = asked, flip_map(model, image, across, down, base, cells)
        st.session_state.flips_kept = kept
    return kept[1]


def _charts(made: RobustnessCurves | None) -> None:
    """Six small charts, empty while there is nothing to show: the page below them stays where it is."""
    columns = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]
    for column, (key, kind) in zip(columns, KINDS.items(), strict=True):
        with column:
            if made is None:
                figure, words = robustness.accuracy_chart(kind), f"Accuracy by {kind.label.lower()}"
            else:
                measured = kind.levels, made.accuracy[key]
                figure = robustness.accuracy_chart(kind, *measured)
                words = robustness.in_words(kind, *measured)
            plotly_chart.chart(figure, key=f"robustness-{key}", alt=words)
