"""Pure functions: measured robustness in, Plotly figures out. Colours come from the page's theme."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mnistdash.evaluation.perturbations import PerturbationKind

HEIGHT = 190  # pixels; six of them fit a screen


def accuracy_chart(kind: PerturbationKind, levels: Sequence[float] = (), accuracy: Sequence[float] = ()) -> go.Figure:
    """Accuracy against one kind of disturbance; a dotted line is where there is none.

    All kinds have the same accuracy axis, so that charts beside one another can be compared.

    Args:
        kind: of disturbance.
        levels: measured, from the lowest to the highest; none before they are there.
        accuracy: for each the share read right, in [0, 1].
    """
    figure = go.Figure()
    figure.add_scatter(
        x=list(levels),
        y=list(accuracy),
        customdata=[kind.text(level) for level in levels],
        mode="lines+markers",
        marker={"size": 6},
        hovertemplate=f"{kind.label} %{{customdata}}: %{{y:.1%}}<extra></extra>",
        cliponaxis=False,
    )
    # As a curve of its own, or its colour would not be the theme's.
    figure.add_scatter(x=[kind.neutral] * 2, y=[0, 1], mode="lines", line={"dash": "dot", "width": 1}, hoverinfo="skip")
    figure.update_layout(height=HEIGHT, margin={"l": 0, "r": 8, "t": 8, "b": 0}, showlegend=False)
    margin = 0.03 * (kind.high - kind.low)
    # Four or five ticks, among them both ends and the neutral value.
    ticks = kind.levels[:: 2 if len(kind.levels) % 2 else 3]
    figure.update_xaxes(
        title=kind.label,
        range=[kind.low - margin, kind.high + margin],
        tickvals=ticks,
        ticktext=[kind.text(tick) for tick in ticks],
        fixedrange=True,
    )
    figure.update_yaxes(title="accuracy", range=[0, 1.03], tickformat=".0%", dtick=0.25, fixedrange=True)
    return figure


def in_words(kind: PerturbationKind, levels: Sequence[float], accuracy: Sequence[float]) -> str:
    """The same in words: its ends, and where there is no disturbance."""
    shown = {level: share for level, share in zip(levels, accuracy, strict=True)}
    parts = [f"{shown[level]:.1%} at {kind.text(level)}" for level in (levels[0], kind.neutral, levels[-1])]
    return f"Accuracy by {kind.label.lower()}: {', '.join(dict.fromkeys(parts))}"
