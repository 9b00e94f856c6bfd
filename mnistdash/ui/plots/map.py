"""Pure functions for the map of a split's features: its figure, and one picture of all its digits."""

import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.ui.errors.lasso import points_inside
from mnistdash.ui.html.sprites import sprite

HEIGHT, LOW = 620, 460  # pixels; the lower one fits a phone's width
COLUMNS = 100  # digits in a row of the picture
SHADES = 16  # of grey in the picture, which halve its size and can hardly be told from 256
# One for each digit: muted, of middling lightness, so that they stand out from white and from black.
COLOURS = ("#5b7fc4", "#d9822b", "#4f9d69", "#c4504e", "#8f6bb3", "#98714f", "#d478a8", "#7f8790", "#a39a2e", "#35a3b3")
TOOLS = {"lasso": "lasso", "box": "select", "click": "pan", "zoom": "zoom"}  # as Plotly calls what dragging does
THIN = {"width": 1, "dash": "dot"}
FAINT = 0.1  # opacity of what is not selected


def map_chart(
    points: np.ndarray,
    result: Evaluation,
    ink: str,
    tool: str = "lasso",
    outline: np.ndarray | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """All digits of a map in their colours, the misread ones crossed.

    Each point carries its digit's index as `customdata`, and words on it as `text` where it is misread.

    Args:
        points: (n, 2) float32 in [-1, 1].
        result: the model's answers over the split; those over its first n digits are shown.
        ink: colour of the text, which edges the crosses.
        tool: what dragging does, one of TOOLS.
        outline: (k, 2) float, of what is selected at first, or one vertex at a single digit.
        height: of the figure, in pixels.
    """
    labels, predicted = (values[: len(points)] for values in (result.labels, result.predicted))
    right = labels == predicted
    chosen = None if outline is None else points_inside(points, outline)
    figure = go.Figure()
    for digit, colour in enumerate(COLOURS):
        those = np.flatnonzero(right & (labels == digit))
        marker = {"size": 5, "color": colour, "opacity": 0.6}
        figure.add_trace(_marks(points, those, chosen, name=str(digit), marker=marker))
    wrong = np.flatnonzero(~right)
    words = [
        f"a {labels[index]} read as {predicted[index]}, {result.confidence[index]:.1%} sure" for index in wrong.tolist()
    ]
    cross = {"symbol": "x", "size": 10, "opacity": 1, "line": {"color": ink, "width": 1}}
    marker = {**cross, "color": [COLOURS[label] for label in labels[wrong].tolist()]}
    figure.add_trace(_marks(points, wrong, chosen, text=words, marker=marker, showlegend=False))
    # In the legend the cross has no digit's colour.
    figure.add_scatter(x=[None], y=[None], name="misread", mode="markers", marker={**cross, "color": ink})
    for digit in np.unique(labels).tolist():
        x, y = np.median(points[labels == digit], axis=0).tolist()
        figure.add_annotation(x=x, y=y, text=f"<b>{digit}</b>", showarrow=False, font={"size": 22, "color": ink})
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode=TOOLS[tool],
        hovermode="closest",
        # Hiding a digit would not take it out of what is selected.
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "itemsizing": "constant"},
        legend_itemclick=False,
        legend_itemdoubleclick=False,
        newselection={"line": THIN},
    )
    if outline is not None:
        _add_outline(figure, outline if len(outline) > 1 else points[chosen], tool, ink)
    figure.update_xaxes(visible=False, range=[-1.05, 1.05])
    figure.update_yaxes(visible=False, range=[-1.05, 1.05], scaleanchor="x")
    return figure


def stays(outline: np.ndarray, tool: str) -> bool:
    """Whether an outline stays on a figure when something else is selected; otherwise Plotly replaces it."""
    return len(outline) == 1 or tool not in ("lasso", "box")


def digits_picture(images: np.ndarray) -> bytes:
    """All digits in one picture, COLUMNS in a row, as a PNG file of SHADES greys: 100 bytes for each digit.

    Args:
        images: (n, 28, 28) uint8.
    """
    step = 255 // (SHADES - 1)
    picture = Image.fromarray(np.round(sprite(images, COLUMNS) / step).astype(np.uint8)).convert("P")
    picture.putpalette([shade * step for shade in range(SHADES) for _ in "RGB"])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", bits=4)
    return buffer.getvalue()


def _marks(points: np.ndarray, indices: np.ndarray, chosen: np.ndarray | None, **more) -> go.Scattergl:
    """Some of the digits; those that are not chosen, where any are, are faint."""
    return go.Scattergl(
        x=points[indices, 0],
        y=points[indices, 1],
        customdata=indices.astype(np.int32),
        mode="markers",
        selectedpoints=None if chosen is None else np.flatnonzero(chosen[indices]).tolist(),
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": FAINT}},
        hoverinfo="none",  # the page shows the digit's picture instead
        **more,
    )


def _add_outline(figure: go.Figure, outline: np.ndarray, tool: str, ink: str) -> None:
    path = f"M{'L'.join(f'{x},{y}' for x, y in outline.tolist())}Z"
    if not stays(outline, tool):
        figure.add_selection(type="path", path=path, xref="x", yref="y", line=THIN)
    elif len(outline) > 1:
        figure.add_shape(type="path", path=path, xref="x", yref="y", line={**THIN, "color": ink})
    else:
        (x, y), ring = outline[0].tolist(), {"symbol": "circle-open", "size": 18, "color": ink, "line": {"width": 2}}
        figure.add_scatter(x=[x], y=[y], mode="markers", marker=ring, hoverinfo="skip", showlegend=False)
