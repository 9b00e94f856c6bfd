"""The map of a split's features as a Plotly figure, and one picture of all its digits."""

import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.ui.errors.lasso import points_inside
from mnistdash.ui.html.sprites import sprite
from mnistdash.ui.plots.style import plot

HEIGHT = 620  # pixels
PHONE_HEIGHT = 460  # pixels; fits a phone's width
SPRITE_COLUMNS = 100  # digits in a row of the picture; components/map_tooltip relies on it
GRAY_LEVELS = 16  # of the picture: half the size of 256, with hardly a visible difference
# By digit; their medium lightness stands out from white and from black.
COLORS = ("#5b7fc4", "#d9822b", "#4f9d69", "#c4504e", "#8f6bb3", "#98714f", "#d478a8", "#7f8790", "#a39a2e", "#35a3b3")
DRAG_MODES = {"lasso": "lasso", "box": "select", "click": "pan", "zoom": "zoom"}  # Plotly's, by tool
DOTTED = {"width": 1, "dash": "dot"}
FIXED = {"itemclick": False, "itemdoubleclick": False}  # hiding a digit would not remove it from the selection


def map_chart(
    points: np.ndarray,
    result: Evaluation,
    text_color: str,
    tool: str = "lasso",
    polygon: np.ndarray | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """Draw the map: a color for each digit, a cross for each error.

    `customdata` of a point is its digit's index, `text` of a cross describes the error.

    Args:
        points: (n, 2) float32 in [-1, 1].
        result: the model's predictions for the split, whose first n digits are drawn.
        text_color: CSS color of the labels and of the crosses' outlines.
        tool: action of dragging, one of DRAG_MODES.
        polygon: the initial selection, (k, 2) float, or one vertex for a single digit.
        height: of the figure, in pixels.
    """
    labels, predicted = (values[: len(points)] for values in (result.labels, result.predicted))
    is_correct = labels == predicted
    selected = None if polygon is None else points_inside(points, polygon)
    traces = []
    for digit, color in enumerate(COLORS):
        indices = np.flatnonzero(is_correct & (labels == digit))
        marker = {"size": 5, "color": color, "opacity": 0.6}
        traces.append(_markers(points, indices, selected, name=str(digit), marker=marker))
    errors = np.flatnonzero(~is_correct)
    texts = [f"{labels[index]} predicted as {predicted[index]}, {result.confidence[index]:.1%}" for index in errors]
    cross = {"symbol": "x", "size": 10, "opacity": 1, "line": {"color": text_color, "width": 1}}
    marker = {**cross, "color": [COLORS[label] for label in labels[errors].tolist()]}
    traces.append(_markers(points, errors, selected, text=texts, marker=marker, showlegend=False))
    # The legend's cross has no digit's color.
    marker = {**cross, "color": text_color}
    traces.append(go.Scatter(x=[None], y=[None], name="misclassified", mode="markers", marker=marker))
    figure = plot(
        traces,
        {"visible": False, "range": [-1.05, 1.05]},
        {"visible": False, "range": [-1.05, 1.05], "scaleanchor": "x"},
        zoom=True,
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode=DRAG_MODES[tool],
        hovermode="closest",
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "itemsizing": "constant", **FIXED},
        newselection={"line": DOTTED},
    )
    for digit in np.unique(labels).tolist():
        x, y = np.median(points[labels == digit], axis=0).tolist()
        figure.add_annotation(x=x, y=y, text=f"<b>{digit}</b>", showarrow=False, font={"size": 22, "color": text_color})
    if polygon is not None:
        _add_selection(figure, polygon if len(polygon) > 1 else points[selected], tool, text_color)
    return figure


def keeps_selection(polygon: np.ndarray, tool: str) -> bool:
    """Return True if a drawn selection stays when the user makes another one; otherwise Plotly replaces it."""
    return len(polygon) == 1 or tool not in ("lasso", "box")


def digits_picture(images: np.ndarray) -> bytes:
    """Combine digits into one picture, SPRITE_COLUMNS in a row.

    Args:
        images: (n, 28, 28) uint8.

    Returns:
        A PNG file of GRAY_LEVELS grays, about 100 bytes a digit.
    """
    step = 255 // (GRAY_LEVELS - 1)
    picture = Image.fromarray(np.round(sprite(images, SPRITE_COLUMNS) / step).astype(np.uint8)).convert("P")
    picture.putpalette([level * step for level in range(GRAY_LEVELS) for _ in "RGB"])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", bits=4)
    return buffer.getvalue()


def _markers(points: np.ndarray, indices: np.ndarray, selected: np.ndarray | None, **trace: object) -> go.Scattergl:
    """Draw some of the digits, faint outside a selection."""
    return go.Scattergl(
        x=points[indices, 0],
        y=points[indices, 1],
        customdata=indices.astype(np.int32),
        mode="markers",
        selectedpoints=None if selected is None else np.flatnonzero(selected[indices]).tolist(),
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0.1}},
        hoverinfo="none",  # components/map_tooltip shows the digit instead
        **trace,
    )


def _add_selection(figure: go.Figure, polygon: np.ndarray, tool: str, text_color: str) -> None:
    path = f"M{'L'.join(f'{x},{y}' for x, y in polygon.tolist())}Z"
    if not keeps_selection(polygon, tool):
        figure.add_selection(type="path", path=path, xref="x", yref="y", line=DOTTED)
    elif len(polygon) > 1:
        figure.add_shape(type="path", path=path, xref="x", yref="y", line={**DOTTED, "color": text_color})
    else:
        x, y = polygon.T
        ring = {"symbol": "circle-open", "size": 18, "color": text_color, "line": {"width": 2}}
        figure.add_scatter(x=x, y=y, mode="markers", marker=ring, hoverinfo="skip", showlegend=False)
