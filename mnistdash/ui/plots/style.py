"""The layout that figures share. The page's theme supplies the colors."""

from typing import Any

import plotly.graph_objects as go


def plot(traces: list[Any], x: dict[str, Any], y: dict[str, Any], zoom: bool = False, **layout: Any) -> go.Figure:
    """Return a figure.

    Args:
        traces: to draw, in order.
        x, y: attributes of the axes.
        zoom: let users zoom in.
        **layout: other attributes of the layout.
    """
    layout = {"margin": {"l": 0, "r": 8, "t": 8, "b": 0}, "xaxis": x, "yaxis": y} | layout
    figure = go.Figure(traces, layout)
    if not zoom:
        figure.update_layout(xaxis_fixedrange=True, yaxis_fixedrange=True)
    return figure
