"""Plotly figures of a run and the data: histories and arrays in, figures out.

The page's theme supplies the colors, in the order of traces unless a trace selects one by `meta`.
"""

import math
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mnistdash.runs.history import History, Report
from mnistdash.runs.recipes import Published
from mnistdash.runs.schedules import learning_rates
from mnistdash.ui.plots.style import plot

HEIGHT = 300  # pixels, of most charts
DIGITS = [str(digit) for digit in range(10)]
SYMBOLS = ("diamond", "circle", "square", "triangle-up", "cross", "x", "star", "pentagon")
SCHEDULE_POINTS = 400
MAX_POINTS = 500  # of a curve
ACCENT, GREY, LIGHT = range(3)  # a trace's `meta`: index into the theme's chart colors
LEGEND = {"orientation": "h", "y": 1.15}
LOG_AXIS = {"type": "log", "dtick": 1, "tickformat": "~g"}


def loss_chart(history: History, log: bool = False) -> go.Figure:
    """Return training and validation loss (nats) over the epochs, on a linear or a logarithmic axis."""
    figure = _curves(history, "loss", LOG_AXIS if log else {"rangemode": "tozero"})
    # Keep the zoom when a batch arrives, but not when the axis changes.
    return figure.update_layout(uirevision=f"log {log}")


def accuracy_chart(history: History, published: Published | None = None) -> go.Figure:
    """Return training and validation accuracy over the epochs, with the published test accuracy as a line.

    The axis leaves 1.5 times the error of the best epoch below 100 %, rounded, so it changes rarely and the curves
    always fill it.
    """
    lowest = _lowest_accuracy(history, published)
    figure = _curves(history, "accuracy", {"tickformat": ".2~%", "range": [lowest, 1 + 0.02 * (1 - lowest)]})
    if published is not None:
        text = {"text": f"published {published.accuracy:.2%}", "x": 0, "xanchor": "left", "yanchor": "bottom"}
        figure.add_hline(published.accuracy, line={"dash": "dot", "width": 1}, annotation=text)
    return figure


def comparison_chart(histories: dict[str, History], what: str, log: bool = False) -> go.Figure:
    """Return the validation curves of several runs in one chart.

    Args:
        histories: by the runs' names.
        what: "loss" or "accuracy".
        log: make the loss axis logarithmic.
    """
    traces = [
        _curve(history, history.epochs, f"val_{what}", name, "lines+markers", marker={"symbol": symbol, "size": 8})
        for (name, history), symbol in zip(histories.items(), cycle(SYMBOLS), strict=False)
    ]
    layout = {"legend": LEGEND, "showlegend": True, "hovermode": "x", "uirevision": f"log {log}"}
    axis = {"tickformat": ".2~%"} if what == "accuracy" else LOG_AXIS if log else {}
    x, y = {"title": "epoch", "rangemode": "tozero"}, {"title": f"validation {what}", **axis}
    return plot(traces, x, y, zoom=True, height=HEIGHT, **layout)


def schedule_chart(schedule: str, peak: float, epochs: float) -> go.Figure:
    """Plot the learning rate over the epochs of a planned run.

    Args:
        schedule: one of `schedules.SCHEDULES`.
        peak: largest learning rate.
        epochs: length of the run; the last epoch may be partial.
    """
    fraction = np.linspace(0, 1, SCHEDULE_POINTS + 1)
    rates = learning_rates(schedule, peak, SCHEDULE_POINTS, SCHEDULE_POINTS * fraction)
    curve = go.Scatter(x=epochs * fraction, y=rates, mode="lines", hovertemplate="%{y:.3g}<extra></extra>")
    x, y = {"title": "epoch", "range": [0, epochs]}, {"title": "learning rate", "range": [0, 1.1 * peak], "nticks": 4}
    return plot([curve], x, y, height=130, hovermode="x")


def confusion_chart(confusion: np.ndarray) -> go.Figure:
    """Plot a confusion matrix, colored by errors only: correct predictions would drown them.

    Args:
        confusion: (10, 10) int, row = true digit, column = predicted digit.
    """
    errors = confusion.astype(float)
    np.fill_diagonal(errors, 0)
    heatmap = go.Heatmap(
        z=errors,
        x=DIGITS,
        y=DIGITS,
        text=confusion,
        texttemplate="%{text}",
        textfont={"size": 12},
        hovertemplate="true %{y}, predicted %{x}: %{text}<extra></extra>",
        showscale=False,
        xgap=1,
        ygap=1,
        zmin=0,
        zmax=max(1.0, errors.max()),
    )
    axis = {"type": "category", "showgrid": False}
    x, y = {"title": "predicted digit", **axis}, {"title": "true digit", "autorange": "reversed", **axis}
    return plot([heatmap], x, y, height=420)


def digit_counts_chart(counts: dict[str, np.ndarray]) -> go.Figure:
    """Plot the images per digit as bars stacked by split.

    Args:
        counts: split name -> (10,) int.
    """
    hover = "%{y:,} images of %{x}<extra>%{fullData.name}</extra>"
    bars = [go.Bar(name=name, x=DIGITS, y=values, hovertemplate=hover) for name, values in counts.items()]
    x, y = {"title": "digit", "type": "category"}, {"title": "images"}
    return plot(bars, x, y, height=HEIGHT, barmode="stack", legend=LEGEND)


def _curve(history: History, reports: Sequence[Report], what: str, name: str, mode: str, **trace: Any) -> go.Scatter:
    """Draw one measure of batches or epochs by at most MAX_POINTS evenly spaced points, among them the last."""
    spacing = -(-len(reports) // MAX_POINTS) or 1
    shown = reports[::-spacing][::-1]
    x, y = [history.position(report) for report in shown], [getattr(report, what) for report in shown]
    return go.Scatter(name=name, x=x, y=y, mode=mode, cliponaxis=False, **trace)


def _curves(history: History, what: str, axis: dict[str, Any]) -> go.Figure:
    """Plot a measure, with these attributes of its axis."""
    batches, epochs, val = history.batches, history.epochs, f"val_{what}"
    # A single point makes no line.
    thin: dict[str, Any] = {"mode": "lines" if len(batches) > 1 else "markers", "line": {"width": 1}, "opacity": 0.8}
    diamond, circle = {"symbol": "diamond", "size": 8}, {"symbol": "circle-open", "size": 7}
    dashed = {"line": {"dash": "dash"}, "marker": circle}
    traces = [
        # First, or the batches would hide the curves; not by `zorder`, which cuts markers off at the axes.
        _curve(history, batches, what, "per batch", **thin, legendrank=1001, meta=LIGHT),  # last in the legend
        _curve(history, epochs, val, "validation", "lines+markers", marker=diamond, meta=ACCENT),
        _curve(history, epochs, what, "training", "lines+markers", **dashed, meta=GREY),
    ]
    if (best := history.best_epoch) is not None:
        star = {"symbol": "star", "size": 14, "line": {"width": 1}}
        word, hover = {"text": ["best"], "textposition": "top center"}, f"best epoch {best.epoch}<extra></extra>"
        options = {"marker": star, **word, "hovertemplate": hover, "showlegend": False, "meta": ACCENT}
        traces.append(_curve(history, [best], val, "best epoch", "markers+text", **options))
    layout = {
        # Fixed room for the longest numbers and half of "best", so the axes never move.
        "margin": {"l": 74, "r": 14, "t": 32, "b": 55, "autoexpand": False},
        "legend": LEGEND,
        "hovermode": "x",
        "uirevision": "keep",  # keep the zoom when a batch arrives
    }
    last = history.steps / history.steps_per_epoch if history.steps_per_epoch else 1
    start = {} if batches or epochs else {"range": [0, 1]}
    x, y = {"title": "epoch", "range": [0, last * 1.02]}, {"title": what, **start, **axis}
    return plot(traces, x, y, zoom=True, height=HEIGHT, **layout)


def _lowest_accuracy(history: History, published: Published | None) -> float:
    """Return the start of the accuracy axis."""
    if history.epochs:
        reached = [max(getattr(epoch, name) for epoch in history.epochs) for name in ("accuracy", "val_accuracy")]
    else:
        reached = [batch.accuracy for batch in history.batches[-5:]]
    if not reached:
        return 0.0
    if published is not None:
        reached.append(published.accuracy)
    error = max(1.5 * (1 - min(reached)), 0.001)
    power = 10.0 ** math.floor(math.log10(error))
    step = next(step for step in (1, 1.5, 2, 3, 5, 7, 10) if error <= step * power * 1.0001)
    return max(0.0, 1 - step * power)
