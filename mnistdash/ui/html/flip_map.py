"""HTML of a flip map: the predictions for one digit under two perturbations at once.

It contains only numbers and fixed words, so there is nothing to escape.
"""

import math

from mnistdash.evaluation.perturbations import KINDS, Perturbation, PerturbationKind
from mnistdash.evaluation.robustness import Curves, FlipMap
from mnistdash.ui.html.digits import percent

EXPECTED_TINT = (12, 45)  # percent of the accent color at confidence 0 and 1
OTHER_TINT = (4, 22)  # percent of the text color


def flip_grid(flips: FlipMap, here: Perturbation, expected: int) -> str:
    """Return a grid with the prediction for each pair of values, fainter where it is less confident.

    Args:
        flips: the predictions.
        here: the present perturbation; a frame surrounds its cell, or the cells beside it.
        expected: the digit whose cells are colored.
    """
    across, down = flips.across, flips.down
    cells = []
    for y, digits, shares in zip(flips.rows, flips.digits.tolist(), flips.confidence.tolist(), strict=True):
        for x, digit, share in zip(flips.columns, digits, shares, strict=True):
            name, (low, high) = ("right", EXPECTED_TINT) if digit == expected else ("other", OTHER_TINT)
            title = f"{across.label} {across.text(x)}, {down.label.lower()} {down.text(y)}: {digit}, {percent(share)}"
            tint = low + (high - low) * share
            cells.append(f'<span class="{name}" style="--t:{tint:.0f}%" title="{title}">{digit}</span>')
    (x, width), (y, height) = (_framed(kind, getattr(here, kind.key), len(flips.columns)) for kind in (across, down))
    return (
        f'<figure class="md-flips" style="--n:{len(flips.columns)}">'
        f"<figcaption>→ {across.label}, ↓ {down.label.lower()}</figcaption>"
        f'<div class="ticks down" aria-hidden="true">{_ticks(down, flips.rows)}</div>'
        f'<div class="cells" role="img" aria-label="Predictions by {across.label.lower()} and {down.label.lower()}; '
        f'described below">{"".join(cells)}'
        f'<b class="here" style="--x:{x};--y:{y};--w:{width};--h:{height}"></b></div>'
        f'<span></span><div class="ticks across" aria-hidden="true">{_ticks(across, flips.columns)}</div>'
        "</figure>"
        f'<div class="md-key"><span class="right"><i></i>predicted as {expected}</span>'
        '<span><i></i>another digit</span><span class="here"><i></i>slider position</span>'
        f"<p>{describe_flips(flips, expected)}</p></div>"
    )


def describe_flips(flips: FlipMap, expected: int) -> str:
    """Describe how much of a map is predicted as expected, and the range of each perturbation alone."""
    count = int((flips.digits == expected).sum())
    share = f"Predicted as {expected} in {count} of {flips.digits.size} cells"
    reach = flips.reach(expected)
    if reach is not None:
        across, down = (_reach(kind, *span) for kind, span in zip((flips.across, flips.down), reach, strict=True))
        return f"{share}. {across}; {down[0].lower()}{down[1:]}."
    if not count:
        perturbation = "shift" if flips.across.key == "right" else "combination"
        share = f"No {perturbation} makes it a {expected}"
    return f"{share}; unperturbed, it is predicted as {flips.digits[flips.neutral]}."


def summary(curves: Curves, measured: str) -> str:
    """Describe a measurement over the digits `measured`, and the kind of perturbation with the lowest mean accuracy."""
    weakest = min(KINDS.values(), key=lambda kind: float(curves[kind.key].mean()))
    accuracy = dict(zip(weakest.levels, curves[weakest.key].tolist(), strict=True))
    worst = min(weakest.levels, key=accuracy.__getitem__)
    return (
        f"Accuracy on {measured}, one perturbation at a time. Unperturbed: {accuracy[weakest.neutral]:.1%}. Weakest "
        f"point: {weakest.doing}, {accuracy[worst]:.1%} at {weakest.text(worst)}."
    )


def _reach(kind: PerturbationKind, low: float, high: float) -> str:
    if (low, high) == (kind.low, kind.high):
        return f"{kind.label} alone never changes it"
    if low == high:
        return f"{kind.label} alone changes it immediately"
    return f"{kind.label} alone leaves it unchanged from {kind.text(low)} to {kind.text(high)}"


def _framed(kind: PerturbationKind, value: float, cells: int) -> tuple[int, int]:
    """Return the first framed cell, and the number of them: one, or two if the value lies between them."""
    place = round((value - kind.low) / (kind.high - kind.low) * (cells - 1), 6)
    return math.floor(place), 1 + math.ceil(place) - math.floor(place)


def _ticks(kind: PerturbationKind, values: list[float]) -> str:
    """Return the labels of an axis: its ends and its neutral value."""
    places = dict.fromkeys((0, values.index(kind.neutral), len(values) - 1))
    return "".join(f'<span style="--at:{place}">{kind.text(values[place])}</span>' for place in places)
