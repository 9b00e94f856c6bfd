"""Pure functions: arrays and histories in, Plotly figures out. Colours come from the page's theme."""

import numpy as np
import plotly.graph_objects as go

from mnistdash.history import History
from mnistdash.recipes import Published

HEIGHT = 300  # pixels, of a curve; fixed, so that nothing jumps while data comes in


def loss_chart(history: History) -> go.Figure:
    """Training and validation loss (nats) over the epochs."""
    figure = _curves(history, "loss")
    figure.update_yaxes(title="loss", rangemode="tozero")
    return figure


def accuracy_chart(history: History, published: Published | None = None) -> go.Figure:
    """Training and validation accuracy over the epochs, with the author's test figure as a line."""
    figure = _curves(history, "accuracy")
    figure.update_yaxes(title="accuracy", tickformat=".1~%")
    if published is not None:
        figure.add_hline(
            published.accuracy,
            line={"dash": "dot", "width": 1},
            annotation={"text": f"published {published.accuracy:.2%}", "x": 0, "xanchor": "left", "yanchor": "bottom"},
        )
    return figure


def confusion_chart(confusion: np.ndarray) -> go.Figure:
    """A confusion matrix; the colour shows the errors only, which the diagonal would drown.

    Args:
        confusion: (10, 10) int, row = true digit, column = predicted digit.
    """
    errors = confusion.astype(float)
    np.fill_diagonal(errors, 0)
    digits = [str(digit) for digit in range(10)]
    figure = go.Figure(
        go.Heatmap(
            z=errors,
            x=digits,
            y=digits,
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
    figure.update_layout(height=420, margin={"l": 0, "r": 0, "t": 8, "b": 0})
    figure.update_xaxes(title="predicted digit", type="category", fixedrange=True, showgrid=False)
    figure.update_yaxes(title="true digit", type="category", autorange="reversed", fixedrange=True, showgrid=False)
    return figure


def digit_counts_chart(counts: dict[str, np.ndarray]) -> go.Figure:
    """Images per digit, a stacked bar for each with a part for each split.

    Args:
        counts: split name -> (10,) int.
    """
    digits = [str(digit) for digit in range(10)]
    figure = go.Figure([go.Bar(name=name, x=digits, y=values) for name, values in counts.items()])
    figure.update_layout(
        height=HEIGHT, margin={"l": 0, "r": 0, "t": 8, "b": 0}, barmode="stack", legend={"orientation": "h", "y": 1.15}
    )
    figure.update_traces(hovertemplate="%{y:,} images of %{x}<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="digit", type="category", fixedrange=True)
    figure.update_yaxes(title="images", fixedrange=True)
    return figure


def _curves(history: History, what: str) -> go.Figure:
    ends = history.epoch_ends()
    figure = go.Figure()
    figure.add_scatter(
        name="validation",
        x=ends,
        y=[event[f"val_{what}"] for event in history.epochs],
        mode="lines+markers",
        marker={"symbol": "diamond", "size": 8},
        cliponaxis=False,
    )
    figure.add_scatter(
        name="training",
        x=ends,
        y=[event[what] for event in history.epochs],
        mode="lines+markers",
        line={"dash": "dash"},
        marker={"symbol": "circle-open", "size": 7},
        cliponaxis=False,
    )
    figure.add_scatter(
        name="per batch",
        x=history.batch_epochs(),
        y=[event[what] for event in history.batches],
        mode="lines",
        line={"width": 1},
        opacity=0.8,
    )
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.15},
        hovermode="x",
        uirevision="keep",  # a zoom outlives the next batch
    )
    if not history.batches and not history.epochs:
        figure.update_yaxes(range=[0, 1])
    last = history.steps / history.steps_per_epoch if history.steps_per_epoch else 1
    figure.update_xaxes(title="epoch", range=[0, last * 1.02])
    return figure
