"""How robust a model is: one digit disturbed by hand, and a whole model's accuracy against each disturbance."""

from dataclasses import replace

import numpy as np
import streamlit as st

from mnistdash import markup, robustness_charts, robustness_markup, ui
from mnistdash.datasets import Dataset
from mnistdash.disturbance import KINDS, Disturbance, disturbed
from mnistdash.measuring import BackgroundCurves
from mnistdash.reading import DIGIT
from mnistdash.robustness import COUNT, Curves, FlipMap, Reader, flip_map
from mnistdash.runs import Run

# Kinds across and down, and cells along each; shifts by whole pixels, as others would blur the digit too.
MAPS = {
    "Shift": ("right", "down", 17),
    "Turn and size": ("turn", "size", 13),
    "Stroke and noise": ("stroke", "noise", 13),
}


@st.fragment
@ui.guarded("Errors, robustness")
def one_digit(image: np.ndarray, label: int | None, model: Reader, key: str) -> None:
    """Disturb a digit by hand: sliders, what the model then reads, and a map of where the reading flips.

    Args:
        image: (28, 28) uint8, 255 = ink.
        label: its true digit; None where nobody knows.
        model: what reads.
        key: of the widgets; the sliders keep their place as long as it is the same.
    """
    # The picture stands before the sliders, so that both are in view on a phone.
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with right:
        setting = _sliders(key)
    now = disturbed(image[None], setting)
    plain, probabilities = model(np.concatenate([image[None], now]))
    undisturbed = int(plain.argmax())
    expected = undisturbed if label is None else label
    with left, st.container(key=f"{key}-now"):
        view, said = st.columns([2, 3], vertical_alignment="center", wrap=False)
        with view:
            st.html(markup.network_view(now[0]))
        with said:
            st.html(markup.answer(DIGIT, probabilities, None))
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key=f"{key}-probabilities"):
        st.html(markup.probability_bars(probabilities))
        st.caption(_said(undisturbed, float(plain.max()), label))
    with right, st.container(key=f"{key}-flips"):
        name = st.segmented_control("Where it flips", tuple(MAPS), default="Shift", required=True, key=f"{key}-map")
        flips = _flips(image, model, setting, name, key)
        st.html(robustness_markup.flip_grid(flips, setting, expected))


def whole_model(run: Run, model: Reader, data: Dataset, split_name: str) -> None:
    """A model's accuracy against each kind of disturbance, measured in the background where it is not kept yet.

    Args:
        run: whose model it is.
        model: the same, loaded.
        data: that it reads.
        split_name: of the split to read.
    """
    asked = run.name, run.version, data.name, split_name, run, model, data
    measuring = _measuring(*asked)
    count = min(COUNT, len(data.split(split_name)))
    made = None
    with st.container(key="robustness_state"):
        if measuring.wait(0):
            try:
                made = measuring.result()
            except Exception as error:  # whatever it is, the page goes on without the curves
                ui.objection(f"The robustness could not be measured: {error}")
                st.button(
                    "Try again",
                    icon=":material/refresh:",
                    key="robustness_retry",
                    on_click=_measuring.clear,
                    args=asked,
                )
            else:
                st.caption(robustness_markup.summary(made, split_name))
        else:
            _show_progress(measuring, f"Disturbing and reading the first {count:,} digits of the {split_name} split …")
    _charts(made)


def _sliders(key: str) -> Disturbance:
    """Six sliders and a button that puts them back."""
    names = {kind: f"{key}-{kind}" for kind in KINDS}
    columns = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]
    for column, kind in zip(columns, KINDS.values(), strict=True):
        st.session_state.setdefault(names[kind.key], kind.neutral)
        column.slider(
            kind.label,
            kind.low,
            kind.high,
            step=kind.step,
            format="percent" if kind.unit == "%" else f"%g{kind.unit}",
            key=names[kind.key],
        )
    setting = Disturbance(**{kind: st.session_state[name] for kind, name in names.items()})
    st.button(
        "Reset",
        icon=":material/restart_alt:",
        key=f"{key}-reset",
        disabled=setting == Disturbance(),
        on_click=_reset,
        args=(names,),
    )
    return setting


def _reset(names: dict[str, str]) -> None:
    for kind, name in names.items():
        st.session_state[name] = KINDS[kind].neutral


def _said(undisturbed: int, confidence: float, label: int | None) -> str:
    """What the digit is, and what is read in it as it is."""
    read = f"undisturbed it is read as {undisturbed}, {markup.percent(confidence)} sure"
    return f"{read[0].upper()}{read[1:]}." if label is None else f"The true digit is {label}; {read}."


def _flips(image: np.ndarray, model: Reader, setting: Disturbance, name: str, key: str) -> FlipMap:
    """A map of MAPS; the last one is kept, as its own two sliders do not change it."""
    across, down, cells = MAPS[name]
    base = replace(setting, **{kind: KINDS[kind].neutral for kind in (across, down)})
    asked = (image.tobytes(), model, base, name)
    kept = st.session_state.get(f"{key}-kept")
    if kept is None or kept[0] != asked:
        kept = asked, flip_map(model, image, across, down, base, cells)
        st.session_state[f"{key}-kept"] = kept
    return kept[1]


def _charts(made: Curves | None) -> None:
    """Six small charts, empty while there is nothing to show: the page below them stays where it is."""
    columns = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]
    for column, (key, kind) in zip(columns, KINDS.items(), strict=True):
        with column:
            if made is None:
                figure, words = robustness_charts.accuracy_chart(kind), f"Accuracy by {kind.label.lower()}"
            else:
                measured = made.levels[key], made.accuracy[key]
                figure = robustness_charts.accuracy_chart(kind, *measured)
                words = robustness_charts.in_words(kind, *measured)
            ui.chart(figure, key=f"robustness-{key}", alt=words)


@st.fragment(run_every=ui.POLL)
@ui.guarded("Errors, robustness")
def _show_progress(measuring: BackgroundCurves, text: str) -> None:
    if measuring.wait(0):
        st.rerun()
    st.progress(measuring.progress, text)


@st.cache_resource(max_entries=50, show_spinner=False)
def _measuring(
    name: str, version: int, data_name: str, split_name: str, _run: Run, _model: Reader, _data: Dataset
) -> BackgroundCurves:
    return BackgroundCurves(_run, _model, _data, split_name)
