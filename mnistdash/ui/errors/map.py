"""The Map section: a projection of the digits' features, on which a selection lists digits below it."""

from functools import partial

import numpy as np
import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation import projection
from mnistdash.evaluation.projection import MAX_POINTS
from mnistdash.jobs import conversions
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.components.map_tooltip import map_tooltip
from mnistdash.ui.errors import lasso, query_state
from mnistdash.ui.errors.gallery import ExplorerContext
from mnistdash.ui.errors.query_state import PCA, TSNE, QueryState
from mnistdash.ui.plots import map

METHODS = {
    PCA: "the first two principal components of the penultimate-layer features",
    TSNE: "t-SNE of the penultimate-layer features",
}
# Label and hint of each tool.
TOOLS = {
    "lasso": (":material/gesture: Lasso", "Draw around digits to list them below. Ctrl + scroll to zoom."),
    "box": (":material/select: Box", "Draw a box around digits to list them below. Ctrl + scroll to zoom."),
    "click": (":material/ads_click: Click", "Select a digit to show it below."),
    "zoom": (":material/zoom_in: Zoom", "Draw a box to zoom in; double-click to reset."),
}


def show(context: ExplorerContext, query: QueryState) -> np.ndarray | None:
    """Show the map and its controls.

    Returns:
        (k,) int64 indices of the selected digits, k > 0, or None if nothing is selected.
    """
    st.subheader("Map", anchor=False)
    run, data, split_name, result = context.run, context.data, context.name, context.result
    if not resources.model(run).has_features:
        _offer_export(run)
        return None
    about = f"{run.name}-{run.version}-{data.name}-{split_name}"
    if st.session_state.setdefault("map_about", about) != about:
        st.session_state.map_about = about
        _clear_selection()  # it was made on the map of another model or split
        query = query_state.read((), len(context.split))
    # t-SNE takes a while to compute, so it is the default only once it is stored.
    kind = query.map or (TSNE if projection.is_tsne_map_stored(run, data.name, split_name) else PCA)
    polygon = lasso.parse_lasso(query.lasso)
    is_phone = "Mobi" in st.context.headers.get("User-Agent", "")
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.segments("Map", **query_state.choice("map", kind, lasso=""))
        first = "click" if is_phone else "lasso"  # a finger has to scroll the page first
        options = {"key": "map_tool", "default": first, "persist_state": "session"}
        tool = widgets.segments("Pointer", TOOLS, format_func=lambda tool: TOOLS[tool][0], **options)
        st.button("Clear selection", icon=":material/deselect:", disabled=polygon is None, on_click=_clear_selection)
    if kind == PCA:
        points = projection.pca_projection(context.features[:MAX_POINTS])
    else:
        task = resources.tsne_task(run, data, split_name)
        computed = widgets.result_or_progress(task, "Computing the t-SNE map, once per model and split")
        if computed is None:
            return None
        points = computed
    is_error = (result.labels != result.predicted)[: len(points)]
    total = len(context.features)
    count = f"{len(points):,}" if len(points) == total else f"First {len(points):,} of {total:,}"
    st.caption(f"{count} {split_name} digits by {METHODS[kind]}. Crosses mark the {is_error.sum():,} errors.")
    with st.container(key="digits_map", gap=None):
        _chart(context, points, kind, tool, polygon, map.PHONE_HEIGHT if is_phone else map.HEIGHT)
        map_tooltip(_picture(data.name, split_name, data), key="map_pictures")
    if polygon is None:
        st.caption(TOOLS[tool][1])
        return None
    selected = np.flatnonzero(lasso.points_inside(points, polygon))
    if not len(selected):
        st.caption("No digits in the selection.")
        return None
    st.caption(f"{len(selected):,} selected, {is_error[selected].sum():,} misclassified.")
    return selected


def _offer_export(run: Run) -> None:
    st.info(f"{run.name} was stored by an earlier version, without features for the map.", icon=":material/info:")
    if not resources.settings().readonly and st.button("Export the model again", key="export_again"):
        with st.spinner("Exporting the model …"):
            conversions.export_again(run)
        st.rerun()


def _chart(
    context: ExplorerContext, points: np.ndarray, kind: str, tool: str, polygon: np.ndarray | None, height: int
) -> None:
    theme = st.context.theme.type or "light"
    key = f"map-{st.session_state.map_about}-{kind}-{tool}-{theme}-{st.session_state.get('map_drawings', 0)}"
    if key not in st.session_state:
        # The browser keeps later selections itself: sending the map again for each would make it flicker.
        st.session_state.map_drawn = polygon
    text_color = st.get_option(f"theme.{theme}.textColor")
    figure = map.map_chart(points, context.result, text_color, tool, st.session_state.map_drawn, height)
    alt, config = f"Map of the digits by {query_state.label(kind)}", {"displayModeBar": False, "scrollZoom": True}
    select = partial(_select, key, kind, tool, points)
    st.plotly_chart(figure, key=key, alt=alt, on_select=select, config=config)


def _select(key: str, kind: str, tool: str, points: np.ndarray) -> None:
    """Write a selection on the map to the address."""
    selection = st.session_state[key].selection
    polygons = [np.column_stack((one["x"], one["y"])) for one in selection.lasso]
    for one in selection.box:
        (left, right), (bottom, top) = one["x"], one["y"]
        polygons.append(np.array([(left, bottom), (right, bottom), (right, top), (left, top)]))
    polygons = polygons or [points[[point["customdata"]]] for point in selection.points]
    if not polygons or len(polygons[-1]) == 2:
        _clear_selection(map=kind)
        return
    before = st.session_state.map_drawn
    if len(polygons) > 1 or (before is not None and map.keeps_selection(before, tool)):
        _redraw()  # the address holds only the last selection
    query_state.update(map=kind, lasso=lasso.format_lasso(polygons[-1]))


def _clear_selection(**also: str) -> None:
    query_state.update(lasso="", **also)
    _redraw()


def _redraw() -> None:
    st.session_state.map_drawings = st.session_state.get("map_drawings", 0) + 1


@st.cache_resource(max_entries=4, show_spinner=False)
def _picture(data_name: str, split_name: str, _data: Dataset) -> bytes:
    return map.digits_picture(_data.split(split_name).images[:MAX_POINTS])
