"""The map of a split: digits that the network finds alike lie together, and those drawn around can be looked at."""

from functools import partial

import numpy as np
import streamlit as st

from mnistdash import exceptions
from mnistdash.data.dataset import Dataset
from mnistdash.evaluation import projection
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.evaluation.projection import MAX_POINTS
from mnistdash.runs.run import Run
from mnistdash.text import code_span
from mnistdash.ui import resources, widgets
from mnistdash.ui.components.map_tooltip import show_pictures
from mnistdash.ui.errors import address, lasso
from mnistdash.ui.plots import map

PCA, TSNE = "pca", "tsne"
KINDS = {PCA: "PCA", TSNE: "t-SNE"}
PLACED = {
    PCA: "along the two directions in which the network's last features vary most",
    TSNE: "so that those with similar last features in the network lie together",
}
TOOLS = {
    "lasso": ":material/gesture: Lasso",
    "box": ":material/select: Box",
    "click": ":material/ads_click: Click",
    "zoom": ":material/zoom_in: Zoom",
}
HINTS = {
    "lasso": "Draw around digits to see them below. The wheel enlarges the map while Ctrl is held.",
    "box": "Draw a box around digits to see them below. The wheel enlarges the map while Ctrl is held.",
    "click": "Press a digit to see it below.",
    "zoom": "Draw a box to enlarge it; press twice to see everything again.",
}


def show(run: Run, data: Dataset, split_name: str) -> np.ndarray | None:
    """The map and its controls.

    What is selected stands in the page's address: `map` says on which map, `lasso` where.

    Returns:
        (k,) int64 indices of the selected digits, k > 0; None where nothing is selected.
    """
    st.subheader("Map", anchor=False)
    found = widgets.split_predictions(run, data, split_name)
    about = f"{run.name}-{run.version}-{data.name}-{split_name}"
    if st.session_state.setdefault("map_about", about) != about:
        st.session_state.map_about = about
        _forget()  # what was drawn on another map means nothing on this one
    is_phone = "Mobi" in st.context.headers.get("User-Agent", "")
    kind, outline = _asked_kind(run, data, split_name), _asked_outline()
    with st.container(horizontal=True, vertical_alignment="center"):
        _choose_kind(kind)
        tool = _choose_tool(is_phone)
        st.button("Clear selection", icon=":material/deselect:", disabled=outline is None, on_click=_forget)
    points = _points(run, data, split_name, found.features[:MAX_POINTS], kind)
    if points is None:
        return None
    labels, predicted = (values[: len(points)] for values in (found.result.labels, found.result.predicted))
    wrong = labels != predicted
    which = (
        f"{len(points):,}" if len(points) == len(found.features) else f"first {MAX_POINTS:,} of {len(found.features):,}"
    )
    st.caption(f"The {which} {split_name} digits, placed {PLACED[kind]}. Misread ones are crossed: {wrong.sum():,}.")
    with st.container(key="digits_map", gap=None):
        _chart(points, found.result, kind, tool, outline, about, map.LOW if is_phone else map.HEIGHT)
        show_pictures(_picture(data.name, split_name, data), key="map_pictures")
    if outline is None:
        st.caption(HINTS[tool])
        return None
    chosen = np.flatnonzero(lasso.points_inside(points, outline))
    if not len(chosen):
        st.caption("There is no digit in the outline.")
        return None
    st.caption(f"{len(chosen):,} selected, {wrong[chosen].sum():,} of them misread.")
    return chosen


def _asked_kind(run: Run, data: Dataset, split_name: str) -> str:
    """Which map, as the address says it or as is quicker to show."""
    kind = address.parameters().get("map")
    if kind not in KINDS:
        if kind is not None:
            st.warning(f"This link asks for map {code_span(kind)}; there are pca and tsne.", icon=":material/link_off:")
        kind = PCA if projection.load_tsne_map(run, data.name, split_name) is None else TSNE
    return kind


def _choose_kind(kind: str) -> None:
    st.session_state.map_kind = kind
    st.segmented_control(
        "Map",
        KINDS,
        required=True,
        format_func=KINDS.get,
        key="map_kind",
        label_visibility="collapsed",
        on_change=lambda: _forget(st.session_state.map_kind),
    )


def _choose_tool(is_phone: bool) -> str:
    """What the pointer does; on a phone a finger scrolls the page first of all."""
    return st.segmented_control(
        "Pointer",
        TOOLS,
        default="click" if is_phone else "lasso",
        required=True,
        format_func=TOOLS.get,
        key="map_tool",
        label_visibility="collapsed",
        persist_state="session",
    )


def _asked_outline() -> np.ndarray | None:
    """What is selected, as the address says it."""
    if (text := address.parameters().get("lasso")) is None:
        return None
    try:
        return lasso.parse_lasso(text)
    except exceptions.LassoError:
        st.warning("The selection in this link cannot be read and is left out.", icon=":material/link_off:")
        return None


def _points(run: Run, data: Dataset, split_name: str, features: np.ndarray, kind: str) -> np.ndarray | None:
    """Where the digits are; None, with how far it is, while that is being found out."""
    if kind == PCA:
        return projection.pca_projection(features)
    task = resources.tsne_task(run, data, split_name)
    return widgets.result_or_progress(task, "Computing the t-SNE map, once for this model and split …")


def _chart(
    points: np.ndarray, result: Evaluation, kind: str, tool: str, outline: np.ndarray | None, about: str, height: int
) -> None:
    theme = st.context.theme.type or "light"
    key = f"map-{about}-{kind}-{tool}-{theme}-{st.session_state.get('map_drawings', 0)}"
    if key not in st.session_state:
        # From then on the browser keeps what is drawn on it: to send the map anew each time would make it blink.
        st.session_state.map_drawn = outline
    figure = map.map_chart(
        points, result, st.get_option(f"theme.{theme}.textColor"), tool, st.session_state.map_drawn, height
    )
    st.plotly_chart(
        figure,
        key=key,
        alt=f"Map of the digits by {KINDS[kind]}",
        on_select=partial(_select, key, kind, tool, points),
        selection_mode=("points", "box", "lasso"),
        config={"displayModeBar": False, "scrollZoom": True},
    )


def _select(key: str, kind: str, tool: str, points: np.ndarray) -> None:
    """Put what was drawn on the map into the address."""
    drawn = st.session_state[key].selection
    found = [np.column_stack((one["x"], one["y"])) for one in drawn.lasso]
    for one in drawn.box:
        (left, right), (bottom, top) = one["x"], one["y"]
        found.append(np.array([(left, bottom), (right, bottom), (right, top), (left, top)]))
    found = found or [points[[point["customdata"]]] for point in drawn.points]
    if not found or len(found[-1]) == 2:
        _forget(kind)
        return
    before = st.session_state.map_drawn
    if len(found) > 1 or (before is not None and map.stays(before, tool)):
        _draw_anew()  # the address holds the last one only, and so shall the map
    address.put(map=kind, lasso=lasso.format_lasso(found[-1]), page=None)


def _forget(kind: str | None = None) -> None:
    """Select nothing, on the map of this kind or the one that is shown."""
    address.put(lasso=None, page=None, **({} if kind is None else {"map": kind}))
    _draw_anew()


def _draw_anew() -> None:
    st.session_state.map_drawings = st.session_state.get("map_drawings", 0) + 1


@st.cache_resource(max_entries=4, show_spinner=False)
def _picture(data_name: str, split_name: str, _data: Dataset) -> bytes:
    return map.digits_picture(_data.split(split_name).images[:MAX_POINTS])
