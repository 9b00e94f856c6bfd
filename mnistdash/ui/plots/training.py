"""Plotly figures of a run and the data: histories and arrays in, figures out.

The page's theme supplies the colors, in the order of traces unless a trace selects one by `meta`.
"""

import math
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import plotly.graph_objects as go

from mnistdash.runs.history import EpochReport, History
from mnistdash.runs.recipes import Published
from mnistdash.runs.schedules import learning_rates

HEIGHT = 300  # pixels, of most charts
SCHEDULE_HEIGHT = 130  # pixels
MARGIN = {"l": 0, "r": 0, "t": 8, "b": 0}  # pixels
DIGITS = [str(digit) for digit in range(10)]
SYMBOLS = ("diamond", "circle", "square", "triangle-up", "cross", "x", "star", "pentagon")
SCHEDULE_POINTS = 400
MAX_POINTS = 500  # of a curve
ACCENT, GREY, LIGHT = range(3)  # a trace's `meta`: index into the theme's chart colors


def loss_chart(history: History, log: bool = False) -> go.Figure:
    """Return training and validation loss (nats) over the epochs, on a linear or a logarithmic axis."""
    figure = _curves(history, "loss")
    figure.update_yaxes(title="loss")
    # Keep the zoom when a batch arrives, but not when the axis changes.
    figure.update_layout(uirevision=f"log {log}")
    if log:
        figure.update_yaxes(type="log", dtick=1, tickformat="~g")
    else:
        figure.update_yaxes(rangemode="tozero")
    return figure


def accuracy_chart(history: History, published: Published | None = None) -> go.Figure:
    """Return training and validation accuracy over the epochs, with the published test accuracy as a line.

    The axis leaves 1.5 times the error of the best epoch below 100 %, rounded, so it changes rarely and the curves
    always fill it.
    """
    figure = _curves(history, "accuracy")
    lowest = _lowest_accuracy(history, published)
    figure.update_yaxes(title="accuracy", tickformat=".2~%", range=[lowest, 1 + 0.02 * (1 - lowest)])
    if published is not None:
        figure.add_hline(
            published.accuracy,
            line={"dash": "dot", "width": 1},
            annotation={"text": f"published {published.accuracy:.2%}", "x": 0, "xanchor": "left", "yanchor": "bottom"},
        )
    return figure


def comparison_chart(histories: dict[str, History], what: str, log: bool = False) -> go.Figure:
    """Return the validation curves of several runs in one chart.

    Args:
        histories: by the runs' names.
        what: "loss" or "accuracy".
        log: make the loss axis logarithmic.
    """
    figure = go.Figure()
    for (name, history), symbol in zip(histories.items(), cycle(SYMBOLS), strict=False):
        epochs = _thin_out(history.epochs)
        figure.add_scatter(
            name=name,
            x=[history.position(epoch) for epoch in epochs],
            y=[getattr(epoch, f"val_{what}") for epoch in epochs],
            mode="lines+markers",
            marker={"symbol": symbol, "size": 8},
            cliponaxis=False,
        )
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.15},
        showlegend=True,
        hovermode="x",
        uirevision=f"log {log}",
    )
    figure.update_xaxes(title="epoch", rangemode="tozero")
    figure.update_yaxes(title=f"validation {what}")
    if what == "accuracy":
        figure.update_yaxes(tickformat=".2~%")
    elif log:
        figure.update_yaxes(type="log", dtick=1, tickformat="~g")
    return figure


def schedule_chart(schedule: str, peak: float, epochs: float) -> go.Figure:
    """Plot the learning rate over the epochs of a planned run.

    Args:
        schedule: one of `schedules.SCHEDULES`.
        peak: largest learning rate.
        epochs: length of the run; the last epoch may be partial.
    """
    fraction = np.linspace(0, 1, SCHEDULE_POINTS + 1)
    rates = learning_rates(schedule, peak, SCHEDULE_POINTS, SCHEDULE_POINTS * fraction)
    figure = go.Figure(go.Scatter(x=epochs * fraction, y=rates, mode="lines", hovertemplate="%{y:.3g}<extra></extra>"))
    figure.update_layout(height=SCHEDULE_HEIGHT, margin=MARGIN, hovermode="x")
    figure.update_xaxes(title="epoch", range=[0, epochs], fixedrange=True)
    figure.update_yaxes(title="learning rate", range=[0, 1.1 * peak], nticks=4, fixedrange=True)
    return figure


def confusion_chart(confusion: np.ndarray) -> go.Figure:
    """Plot a confusion matrix, colored by errors only: correct predictions would drown them.

    Args:
        confusion: (10, 10) int, row = true digit, column = predicted digit.
    """
    errors = confusion.astype(float)
    np.fill_diagonal(errors, 0)
    figure = go.Figure(
        go.Heatmap(
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
    )
    figure.update_layout(height=420, margin=MARGIN)
    figure.update_xaxes(title="predicted digit", type="category", fixedrange=True, showgrid=False)
    figure.update_yaxes(title="true digit", type="category", autorange="reversed", fixedrange=True, showgrid=False)
    return figure


def digit_counts_chart(counts: dict[str, np.ndarray]) -> go.Figure:
    """Plot the images per digit as bars stacked by split.

    Args:
        counts: split name -> (10,) int.
    """
    figure = go.Figure([go.Bar(name=name, x=DIGITS, y=values) for name, values in counts.items()])
    figure.update_layout(height=HEIGHT, margin=MARGIN, barmode="stack", legend={"orientation": "h", "y": 1.15})
    figure.update_traces(hovertemplate="%{y:,} images of %{x}<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="digit", type="category", fixedrange=True)
    figure.update_yaxes(title="images", fixedrange=True)
    return figure


def _curves(history: History, what: str) -> go.Figure:
    epochs = _thin_out(history.epochs)
    ends = [history.position(epoch) for epoch in epochs]
    figure = go.Figure()
    # First, or the batches would hide the curves; not by `zorder`, which cuts markers off at the axes.
    figure.add_scatter(
        name="per batch",
        x=[history.position(batch) for batch in history.batches],
        y=[getattr(batch, what) for batch in history.batches],
        # A single point makes no line.
        mode="lines" if len(history.batches) > 1 else "markers",
        line={"width": 1},
        opacity=0.8,
        legendrank=1001,  # behind those without a rank
        meta=LIGHT,
    )
    figure.add_scatter(
        name="validation",
        x=ends,
        y=[getattr(epoch, f"val_{what}") for epoch in epochs],
        mode="lines+markers",
        marker={"symbol": "diamond", "size": 8},
        cliponaxis=False,
        meta=ACCENT,
    )
    figure.add_scatter(
        name="training",
        x=ends,
        y=[getattr(epoch, what) for epoch in epochs],
        mode="lines+markers",
        line={"dash": "dash"},
        marker={"symbol": "circle-open", "size": 7},
        cliponaxis=False,
        meta=GREY,
    )
    if (best := history.best_epoch) is not None:
        figure.add_scatter(
            name="best epoch",
            x=[history.position(best)],
            y=[getattr(best, f"val_{what}")],
            mode="markers+text",
            marker={"symbol": "star", "size": 14, "line": {"width": 1}},
            text=["best"],
            textposition="top center",
            showlegend=False,
            hovertemplate=f"best epoch {best.epoch}<extra></extra>",
            cliponaxis=False,
            meta=ACCENT,
        )
    figure.update_layout(
        height=HEIGHT,
        # Fixed room for the longest numbers and half of "best", so the axes never move.
        margin={"l": 74, "r": 14, "t": 32, "b": 55, "autoexpand": False},
        legend={"orientation": "h", "y": 1.15},
        hovermode="x",
        uirevision="keep",  # keep the zoom when a batch arrives
    )
    if not history.batches and not history.epochs:
        figure.update_yaxes(range=[0, 1])
    last = history.steps / history.steps_per_epoch if history.steps_per_epoch else 1
    figure.update_xaxes(title="epoch", range=[0, last * 1.02])
    return figure


def _thin_out(epochs: Sequence[EpochReport]) -> Sequence[EpochReport]:
    """Return at most MAX_POINTS evenly spaced epochs, among them the last."""
    spacing = -(-len(epochs) // MAX_POINTS) or 1
    return epochs[::-spacing][::-1]


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
