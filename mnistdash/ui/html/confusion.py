"""Pure functions like those of `markup`: what only the error explorer shows."""

from collections.abc import Sequence

import numpy as np

from mnistdash.ui.html.network import COLD, WARM
from mnistdash.ui.html.sprites import png_url

STYLE = """
.md-matrix { display: grid; grid-template-columns: 1.6rem 1.9rem repeat(10, minmax(0, 1fr)); gap: 2px;
  font-variant-numeric: tabular-nums; font-size: 0.8rem; max-width: 40rem; }
.md-matrix button { all: unset; box-sizing: border-box; width: 100%; aspect-ratio: 1.25; cursor: pointer;
  display: grid; place-items: center; border-radius: 0.25rem; overflow: hidden; }
.md-matrix button.head { font-weight: 600; }
.md-matrix button.right { background: color-mix(in srgb, currentColor 7%, transparent); }
.md-matrix button.wrong { background: color-mix(in srgb, var(--md-accent) var(--heat), transparent); }
.md-matrix button.none { background: color-mix(in srgb, currentColor 3%, transparent); }
.md-matrix button:hover { outline: 2px solid color-mix(in srgb, currentColor 60%, transparent); }
.md-matrix button:focus-visible, .md-matrix button[aria-pressed="true"] {
  outline: 2.5px solid var(--md-text); outline-offset: -1px; }
@media (min-width: 641px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-matrix_side) { position: sticky; top: 4rem; } }
.md-matrix .across { grid-column: 3 / -1; text-align: center; }
.md-matrix .down { grid-row: 3 / span 10; grid-column: 1; writing-mode: vertical-rl; transform: rotate(180deg);
  text-align: center; }
.md-matrix .corner { grid-column: 1 / span 2; }
@media (max-width: 640px) {
  .md-matrix { font-size: 0.7rem; grid-template-columns: 1.1rem 1.2rem repeat(10, minmax(0, 1fr)); gap: 1px; } }
.md-digit { display: grid; grid-template-columns: repeat(3, minmax(0, 280px)); gap: 1.25rem; }
@media (max-width: 640px) { .md-digit { grid-template-columns: repeat(2, minmax(0, 280px)); gap: 0.75rem; }
  .md-digit figure:first-child { grid-column: 1 / -1; max-width: 280px; } }
.md-digit figure { margin: 0; }
.md-digit img { width: 100%; aspect-ratio: 1; display: block; image-rendering: pixelated; border-radius: 0.35rem;
  background: #000; }
.md-digit figcaption { font-size: 0.875rem; line-height: 1.4; margin-top: 0.35rem; }
"""
LEAST_HEAT, MOST_HEAT = 12, 62  # per cent of the accent colour in a cell with errors
FAINT = 0.45  # brightness of a digit under the colours of its evidence


def confusion_matrix(
    confusion: np.ndarray, true: int | None, predicted: int | None, shares: bool = False, diagonal: bool = True
) -> str:
    """A confusion matrix whose cells, rows and columns can be clicked, for `views.clickable`.

    What is clicked says "true,predicted", with "" for any. The colour marks the errors.

    Args:
        confusion: (10, 10) int, row = true digit, column = predicted digit.
        true, predicted: what is chosen now, None for any.
        shares: show shares of a row instead of counts.
        diagonal: show what was read right.
    """
    errors = confusion - np.diag(confusion.diagonal())
    largest = max(1, int(errors.max()))
    counts = confusion.sum(1)
    cells = ['<span class="corner"></span><span class="across">predicted digit</span><span class="corner"></span>']
    chosen_column = true is None and predicted is not None
    cells += [
        _button(f",{column}", str(column), f"All read as {column}", "head", chosen_column and predicted == column)
        for column in range(10)
    ]
    cells.append('<span class="down">true digit</span>')
    for row in range(10):
        chosen_row = true == row and predicted is None
        cells.append(_button(f"{row},", str(row), f"All that are a {row}", "head", chosen_row))
        for column in range(10):
            count = int(confusion[row, column])
            share = _percent(count / counts[row]) if counts[row] else ""
            name = f"{count:,} of {counts[row]:,}: a {row} read as {column}"
            text = (share if shares else str(count)) if count else ""
            kind, style = "none", ""
            if row == column:
                kind, text = "right", text if diagonal else ""
            elif count:
                heat = LEAST_HEAT + (MOST_HEAT - LEAST_HEAT) * (count / largest) ** 0.5
                kind, style = "wrong", f"--heat: {heat:.0f}%"
            pressed = (true, predicted) == (row, column)
            cells.append(_button(f"{row},{column}", text, name, kind, pressed, style))
    return f'<div class="md-matrix">{"".join(cells)}</div>'


def _button(pick: str, text: str, name: str, kind: str, pressed: bool, style: str = "") -> str:
    style = f' style="{style}"' if style else ""
    return (
        f'<button class="{kind}" data-pick="{pick}" title="{name}" aria-label="{name}" '
        f'aria-pressed="{str(pressed).lower()}"{style}>{text}</button>'
    )


def _percent(share: float) -> str:
    """As short as a cell is narrow."""
    return f"{share:.0%}" if share >= 0.1 else f"{100 * share:.1f}%" if share >= 0.0005 else "&lt;.1%"


def pictures(parts: Sequence[tuple[str, np.ndarray]]) -> str:
    """Pictures of one digit at ten times its size, side by side.

    Args:
        parts: for each what it shows and (28, 28) or (28, 28, 3) uint8.
    """
    figures = [
        f'<figure><img src="{png_url(image)}" alt="{text}"><figcaption>{text}</figcaption></figure>'
        for text, image in parts
    ]
    return f'<div class="md-digit">{"".join(figures)}</div>'


def evidence_picture(image: np.ndarray, evidence: np.ndarray, scale: float) -> np.ndarray:
    """A digit under the colours of what speaks for an answer: warm for it, cold against it.

    Args:
        image: (28, 28) uint8, 255 = ink.
        evidence: (28, 28) float32, of `occlusion.evidence`.
        scale: the evidence that gets the full colour.

    Returns:
        (28, 28, 3) uint8.
    """
    share = np.clip(evidence[..., None] / max(scale, 1e-6), -1, 1)
    colours = np.maximum(share, 0) * WARM + np.maximum(-share, 0) * COLD
    grey = FAINT * image[..., None].astype(np.float32)
    return np.clip(grey * (1 - np.abs(share)) + colours, 0, 255).astype(np.uint8)
