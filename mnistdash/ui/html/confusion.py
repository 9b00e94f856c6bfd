"""HTML of the error explorer: the confusion matrix and the pictures of an open digit."""

import numpy as np

from mnistdash.ui.html.network import COLD, WARM

MIN_HEAT, MAX_HEAT = 12, 62  # percent of the accent color in a cell with errors
DIGIT_BRIGHTNESS = 0.45  # under the colors of the evidence


def confusion_matrix(
    confusion: np.ndarray, true: int | None, predicted: int | None, shares: bool = False, diagonal: bool = True
) -> str:
    """Return a confusion matrix whose cells, rows and columns are clickable; color marks errors.

    The `data-pick` of a part is "true,predicted", with "" for any.

    Args:
        confusion: (10, 10) int, row = true digit, column = predicted digit.
        true, predicted: the selected row and column, None for any.
        shares: show percentages of a row instead of counts.
        diagonal: show the numbers of correct digits.
    """
    errors = confusion - np.diag(confusion.diagonal())
    largest = max(1, int(errors.max()))
    counts = confusion.sum(1)
    cells = ['<span class="corner"></span><span class="across">predicted digit</span><span class="corner"></span>']
    for column in range(10):
        pressed = (true, predicted) == (None, column)
        cells.append(_button(f",{column}", str(column), f"Predicted as {column}", "head", pressed))
    cells.append('<span class="down">true digit</span>')
    for row in range(10):
        pressed = (true, predicted) == (row, None)
        cells.append(_button(f"{row},", str(row), f"True digit {row}", "head", pressed))
        for column in range(10):
            count = int(confusion[row, column])
            share = _percent(count / counts[row]) if counts[row] else ""
            name = f"{count:,} of {counts[row]:,}: a {row} predicted as {column}"
            text = (share if shares else str(count)) if count else ""
            kind, style = "none", ""
            if row == column:
                kind, text = "right", text if diagonal else ""
            elif count:
                heat = MIN_HEAT + (MAX_HEAT - MIN_HEAT) * (count / largest) ** 0.5
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
    """Format a share for a narrow cell."""
    return f"{share:.0%}" if share >= 0.1 else f"{100 * share:.1f}%" if share >= 0.0005 else "&lt;.1%"


def evidence_picture(image: np.ndarray, evidence: np.ndarray, scale: float) -> np.ndarray:
    """Color a digit by the evidence for a class: warm for, cold against it.

    Args:
        image: (28, 28) uint8, 255 = ink.
        evidence: (28, 28) float32, from `occlusion.occlusion_map`.
        scale: evidence that gets the full color.

    Returns:
        (28, 28, 3) uint8.
    """
    share = np.clip(evidence[..., None] / max(scale, 1e-6), -1, 1)
    colors = np.maximum(share, 0) * WARM + np.maximum(-share, 0) * COLD
    gray = DIGIT_BRIGHTNESS * image[..., None].astype(np.float32)
    picture: np.ndarray = np.clip(gray * (1 - np.abs(share)) + colors, 0, 255).astype(np.uint8)
    return picture
