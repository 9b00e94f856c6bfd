"""Pure functions: evaluations in, Plotly figures out. Colours come from the page's theme."""

import numpy as np
import plotly.graph_objects as go

from mnistdash.evaluation.metrics import BINS, Evaluation

HEIGHT = 340  # pixels
POINTS = 400  # of a curve
MOST_REFUSED = 0.1  # share of the digits to which the curve of refusals goes


def reliability_chart(result: Evaluation) -> go.Figure:
    """The share read right for bins of confidence, beside the line on which a calibrated model lies."""
    bins = result.reliability
    middles = (np.arange(BINS) + 0.5) / BINS
    figure = go.Figure()
    figure.add_bar(
        name="read right",
        x=middles,
        y=bins.accuracy,
        width=0.9 / BINS,
        customdata=np.stack([bins.count, bins.confidence], axis=1),
        hovertemplate="%{y:.1%} of %{customdata[0]:,} read right, %{customdata[1]:.1%} sure on average<extra></extra>",
    )
    figure.add_scatter(
        name="as sure as right", x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dash"}, hoverinfo="skip"
    )
    _frame(figure)
    figure.update_xaxes(title="confidence", range=[0, 1.01], tickformat=".0%", dtick=0.2)
    figure.update_yaxes(title="share read right", range=[0, 1.02], tickformat=".0%")
    return figure


def refusal_chart(results: dict[str, Evaluation]) -> go.Figure:
    """The share read right against the share of the least sure digits refused, a line for each model."""
    figure = go.Figure()
    for name, result in results.items():
        refused, right = result.selective_accuracy
        count = int(MOST_REFUSED * len(refused)) + 1
        places = np.unique(np.linspace(0, count - 1, POINTS).astype(int))
        figure.add_scatter(
            name=name,
            x=refused[places],
            y=right[places],
            mode="lines",
            hovertemplate="%{x:.2%} refused, %{y:.2%} of the rest read right<extra></extra>",
        )
    _frame(figure)
    figure.update_xaxes(
        title="share refused, the least sure first", range=[0, MOST_REFUSED], tickformat=".0%", dtick=0.02
    )
    figure.update_yaxes(title="share of the rest read right", tickformat=".2~%")
    return figure


def _frame(figure: go.Figure) -> None:
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.12},
        showlegend=True,
    )
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
