"""Plotly figures of evaluations. Colors come from the page's theme."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mnistdash.evaluation.metrics import BINS, Evaluation
from mnistdash.evaluation.perturbations import PerturbationKind
from mnistdash.ui.plots.style import plot

SMALL_HEIGHT = 190  # pixels; six of them fit a screen
MAX_POINTS = 400  # of a curve
MAX_SKIPPED = 0.1  # share of the digits at which the selective prediction curve ends
LAYOUT: dict[str, Any] = {"height": 340, "legend": {"orientation": "h", "y": 1.12}, "showlegend": True}


def reliability_chart(result: Evaluation) -> go.Figure:
    """Draw accuracy by bin of confidence, and the diagonal of perfect calibration."""
    bins = result.reliability
    bars = go.Bar(
        name="accuracy",
        x=(np.arange(BINS) + 0.5) / BINS,
        y=bins.accuracy,
        width=0.9 / BINS,
        customdata=np.stack([bins.count, bins.confidence], axis=1),
        hovertemplate="%{y:.1%} of %{customdata[0]:,} correct, mean confidence %{customdata[1]:.1%}<extra></extra>",
    )
    dashed = {"mode": "lines", "line": {"dash": "dash"}, "hoverinfo": "skip"}
    diagonal = go.Scatter(name="perfect calibration", x=[0, 1], y=[0, 1], **dashed)
    x = {"title": "confidence", "range": [0, 1.01], "tickformat": ".0%", "dtick": 0.2}
    y = {"title": "accuracy", "range": [0, 1.02], "tickformat": ".0%"}
    return plot([bars, diagonal], x, y, **LAYOUT)


def selective_prediction_chart(name: str, result: Evaluation) -> go.Figure:
    """Draw accuracy on the rest by share of skipped digits, the least confident first.

    Args:
        name: of the model.
        result: its predictions.
    """
    skipped, accuracy = result.selective_accuracy
    count = int(MAX_SKIPPED * len(skipped)) + 1
    places = np.unique(np.linspace(0, count - 1, MAX_POINTS).astype(int))
    hover = "%{x:.2%} skipped, %{y:.2%} accuracy on the rest<extra></extra>"
    curve = go.Scatter(name=name, x=skipped[places], y=accuracy[places], mode="lines", hovertemplate=hover)
    title = "share skipped, least confident first"
    x = {"title": title, "range": [0, MAX_SKIPPED], "tickformat": ".0%", "dtick": 0.02}
    return plot([curve], x, {"title": "accuracy on the rest", "tickformat": ".2~%"}, **LAYOUT)


def robustness_chart(kind: PerturbationKind, levels: Sequence[float], accuracy: Sequence[float]) -> go.Figure:
    """Draw accuracy by level of one perturbation; a dotted line marks the unperturbed digits.

    All kinds share one accuracy axis, so that their charts can be compared.

    Args:
        kind: of perturbation.
        levels: measured levels, ascending; empty before they are measured.
        accuracy: in [0, 1], for each level.
    """
    curve = go.Scatter(
        x=list(levels),
        y=list(accuracy),
        customdata=[kind.text(level) for level in levels],
        mode="lines+markers",
        marker={"size": 6},
        hovertemplate=f"{kind.label} %{{customdata}}: %{{y:.1%}}<extra></extra>",
        cliponaxis=False,
    )
    # A trace takes its color from the theme, a shape would not.
    dotted = {"mode": "lines", "line": {"dash": "dot", "width": 1}, "hoverinfo": "skip"}
    neutral = go.Scatter(x=[kind.neutral] * 2, y=[0, 1], **dotted)
    margin = 0.03 * (kind.high - kind.low)
    # Four or five ticks, among them both ends and the neutral value.
    ticks = kind.levels[:: 2 if len(kind.levels) % 2 else 3]
    x = {"range": [kind.low - margin, kind.high + margin], "tickvals": ticks, "ticktext": list(map(kind.text, ticks))}
    y = {"title": "accuracy", "range": [0, 1.03], "tickformat": ".0%", "dtick": 0.25}
    return plot([curve, neutral], {"title": kind.label, **x}, y, height=SMALL_HEIGHT, showlegend=False)


def describe_robustness(kind: PerturbationKind, levels: Sequence[float], accuracy: Sequence[float]) -> str:
    """Describe a robustness chart in words: accuracy at both ends and for unperturbed digits."""
    measured = dict(zip(levels, accuracy, strict=True))
    points = dict.fromkeys((*levels[:1], kind.neutral, *levels[-1:]))
    parts = [f"{measured[level]:.1%} at {kind.text(level)}" for level in points if level in measured]
    return f"Accuracy by {kind.label.lower()}: {', '.join(parts) or 'not measured yet'}"
