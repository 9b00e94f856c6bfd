"""Pure functions: a map of where a reading flips in, HTML out.

Only numbers and our own words go into it, so there is nothing to escape. Text takes the page's
colour; the accent is `--md-accent`, which `ui.page` defines.
"""

import math

from mnistdash.evaluation.perturbations import Perturbation, PerturbationKind
from mnistdash.evaluation.robustness import FlipMap, RobustnessCurves
from mnistdash.ui.html.digits import percent

RIGHT = (12, 45)  # percent of the accent at the least and the greatest confidence
OTHER = (4, 22)  # percent of the text's colour


def flip_grid(flips: FlipMap, here: Perturbation, expected: int) -> str:
    """A map of readings: a cell for each pair of values with the digit read there, the fainter the less sure.

    Args:
        flips: what was read where.
        here: the present disturbance, which is framed; where it lies between cells, all of them are.
        expected: the digit that is coloured.
    """
    across, down = flips.across, flips.down
    cells = []
    for y, digits, sure in zip(flips.rows, flips.digits.tolist(), flips.confidence.tolist(), strict=True):
        for x, digit, share in zip(flips.columns, digits, sure, strict=True):
            name, (low, high) = ("right", RIGHT) if digit == expected else ("other", OTHER)
            title = (
                f"{across.label} {across.text(x)}, {down.label.lower()} {down.text(y)}: {digit}, {percent(share)} sure"
            )
            cells.append(
                f'<span class="{name}" style="--t:{low + (high - low) * share:.0f}%" title="{title}">{digit}</span>'
            )
    (x, width), (y, height) = (_framed(kind, getattr(here, kind.key), len(flips.columns)) for kind in (across, down))
    return (
        f'<figure class="md-flips" style="--n:{len(flips.columns)}">'
        f"<figcaption>→ {across.label}, ↓ {down.label.lower()}</figcaption>"
        f'<div class="ticks down" aria-hidden="true">{_ticks(down, flips.rows)}</div>'
        f'<div class="cells" role="img" '
        f'aria-label="Digits read by {across.label.lower()} and {down.label.lower()}; described below">{"".join(cells)}'
        f'<b class="here" style="--x:{x};--y:{y};--w:{width};--h:{height}"></b></div>'
        f'<span></span><div class="ticks across" aria-hidden="true">{_ticks(across, flips.columns)}</div>'
        "</figure>"
        f'<div class="md-key"><span class="right"><i></i>read as {expected}</span>'
        '<span><i></i>read as another digit</span><span class="here"><i></i>the sliders</span>'
        f"<p>{in_words(flips, expected)}</p></div>"
    )


def in_words(flips: FlipMap, expected: int) -> str:
    """How much of a map is read as the digit expected, and how far either disturbance alone may go."""
    count = int((flips.digits == expected).sum())
    whole = f"Read as {expected} in {count} of {flips.digits.size} cells"
    reach = flips.reach(expected)
    if reach is None:
        row, column = flips.neutral
        return f"{whole}; with neither it is read as {flips.digits[row, column]}."
    parts = [_reach(kind, *span) for kind, span in zip((flips.across, flips.down), reach, strict=True)]
    return f"{whole}. {parts[0]}; {parts[1][0].lower()}{parts[1][1:]}."


def summary(made: RobustnessCurves, split_name: str) -> str:
    """What was measured, and what the model stands least, in plain words."""
    weakest = made.weakest
    level, accuracy = made.worst(weakest)
    return (
        f"Measured over the first {made.count:,} digits of the {split_name} split, one disturbance at a time. "
        f"Undisturbed, {made.undisturbed:.1%} are read right. Over these ranges the weakest point is {weakest.doing}: "
        f"{accuracy:.1%} are read right at {weakest.text(level)}."
    )


def _reach(kind: PerturbationKind, low: float, high: float) -> str:
    if (low, high) == (kind.low, kind.high):
        return f"{kind.label} alone never flips it"
    if low == high:
        return f"{kind.label} flips it at once"
    return f"{kind.label} alone may go from {kind.text(low)} to {kind.text(high)}"


def _place(kind: PerturbationKind, value: float, cells: int) -> float:
    """Where a value lies on an axis, 0 at the first cell and cells - 1 at the last."""
    return (value - kind.low) / (kind.high - kind.low) * (cells - 1)


def _framed(kind: PerturbationKind, value: float, cells: int) -> tuple[int, int]:
    """The first cell at or beside a value, and how many there are: one, or two where it lies between them."""
    place = round(_place(kind, value, cells), 6)
    return math.floor(place), 1 + math.ceil(place) - math.floor(place)


def _ticks(kind: PerturbationKind, values: list[float]) -> str:
    """The ends of an axis and its neutral value."""
    last = len(values) - 1
    places = dict.fromkeys((0, round(_place(kind, kind.neutral, len(values))), last))
    names = {0: ' class="first"', last: ' class="last"'}
    return "".join(
        f'<span{names.get(place, "")} style="--at:{place}">{kind.text(values[place])}</span>' for place in places
    )
