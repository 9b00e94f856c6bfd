"""HTML for predictions and digits: arrays in, text out.

It contains numbers and fixed words only, so nothing needs escaping. `static/style.css` styles it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.inference.recognize import DIGIT, NOT_A_DIGIT, UNSURE
from mnistdash.ui.html.network import network_view
from mnistdash.ui.html.sprites import COLUMNS, png_url, sprite

MAX_STEP_SIDE = 288  # pixels, of a picture in `pictures`: twice its height on the page


def percent(share: float) -> str:
    """Format a share in [0, 1] with one decimal, never rounding to 0 % or 100 %."""
    if 0 < share < 0.0005:
        return "&lt;0.1%"
    return "&gt;99.9%" if share >= 0.9995 else f"{share:.1%}"


def answer(verdict: str, probabilities: np.ndarray, is_digit: float | None) -> str:
    """Show the predicted digit in large type with its confidence and the runner-up.

    Args:
        verdict, is_digit: as in `recognize.DigitPrediction`.
        probabilities: (10,) float in [0, 1].
    """
    best, second = np.argsort(-probabilities, kind="stable")[:2]
    confidence, runner_up = percent(probabilities[best]), percent(probabilities[second])
    if verdict == NOT_A_DIGIT and is_digit is not None:
        return _answer('<span class="invitation">Not a digit</span>', percent(1 - is_digit))
    if verdict == UNSURE:
        either = f'<span class="digit">{best}</span> or <span class="digit">{second}</span>'
        return _answer(either, f"low confidence:<br>{confidence} or {runner_up}")
    return _answer(f'<span class="digit">{best}</span>', f"{confidence}<br>runner-up {second}, {runner_up}")


def number(verdicts: Sequence[str], digits: str, confidence: float) -> str:
    """Show a predicted number in large type: uncertain digits fainter, non-digits as question marks.

    Args:
        verdicts: as in `recognize.DigitPrediction`, one for each digit.
        digits: the number.
        confidence: probability that all digits are correct.
    """
    signs = "".join(
        f"<span{'' if verdict == DIGIT else ' class=doubt'}>{'?' if verdict == NOT_A_DIGIT else digit}</span>"
        for verdict, digit in zip(verdicts, digits, strict=True)
    )
    if NOT_A_DIGIT in verdicts:
        detail = "contains<br>non-digits"
    else:
        low = "low confidence: " if UNSURE in verdicts else ""
        every = "both" if len(digits) == 2 else f"all {len(digits)}"
        detail = f"{low}{percent(confidence)}<br>for {every} digits"
    return _answer(f'<span class="digit">{signs}</span>', detail)


def prompt(text: str) -> str:
    """Show a text in the place and height of an answer."""
    return _answer(f'<span class="invitation">{text}</span>', "")


def _answer(main: str, detail: str) -> str:
    return f'<div class="md-answer">{main} <span>{detail}</span></div>'


def probability_bars(probabilities: np.ndarray | None) -> str:
    """Show ten bars, the highest emphasized unless another has the same percentage.

    Args:
        probabilities: (10,) float in [0, 1]; None for empty bars.
    """
    shares = np.zeros(10) if probabilities is None else probabilities
    labels = ["–" if probabilities is None else f"{share:.1%}" for share in shares]
    rows = []
    for digit, (share, label) in enumerate(zip(shares, labels, strict=True)):
        mark = " best" if share == max(shares) and labels.count(label) == 1 else ""
        rows.append(
            f'<span class="label{mark}">{digit}</span>'
            f'<span class="track{mark}"><span class="fill" style="width:{100 * share:.1f}%"></span></span>'
            f'<span class="share{mark}">{label}</span>'
        )
    return f'<div class="md-bars">{"".join(rows)}</div>'


def prediction_details(probabilities: np.ndarray | None, image: np.ndarray, caption: str) -> str:
    """Show `probability_bars` beside the network's input (28, 28) uint8; on a phone above it."""
    return f'<div class="md-reading">{probability_bars(probabilities)}{network_view(image, caption)}</div>'


def gallery(
    images: np.ndarray,
    digits: Iterable[tuple[int, int, int | str, float]],
    notes: Mapping[int, str] = {},
    remarks: Mapping[int, str] = {},
    pick: bool = False,
) -> str:
    """Show digits with their true and predicted labels in a grid of any width.

    Args:
        images: (n, 28, 28) uint8, 255 = foreground.
        digits: for each its index in the split, true digit, predicted digit or words, and confidence in [0, 1].
        notes: texts below digits, by index; a digit with a note is framed.
        remarks: texts below digits, by index, without a frame.
        pick: make each digit a button for `components.clickable_html`.
    """
    figures = []
    for place, (index, true, guess, share) in enumerate(digits):
        name = f"Digit {index}: a {true} predicted as {guess}"
        picture = f'<span class="digit" role="img" aria-label="{name}" style="{_position(place, len(images))}"></span>'
        if pick:
            title = f"Open digit no. {index}"
            picture = f'<button data-pick="{index}" data-kind="{true},{guess}" title="{title}">{picture}</button>'
        note = notes.get(index, "")
        lines = [f"<b>{true} → {guess}</b>", percent(share), f"no. {index}", remarks.get(index, ""), note]
        caption = "<br>".join(filter(None, lines))
        figures.append(f"<figure{' class=noted' if note else ''}>{picture}<figcaption>{caption}</figcaption></figure>")
    # A browser draws one picture at once, a hundred small ones one after the other.
    sheet = png_url(sprite(images)) if len(images) else ""
    return f'<div class="md-gallery" style="--sheet: url({sheet})">{"".join(figures)}</div>'


def gallery_of(images: np.ndarray, result: Evaluation, chosen: np.ndarray, **options: Any) -> str:
    """Show a `gallery` of some digits of a split.

    Args:
        images: (n, 28, 28) uint8, of the split.
        result: a model's predictions on the split.
        chosen: (k,) int64 indices.
        **options: `notes`, `remarks` and `pick` as for `gallery`.
    """
    columns = (chosen, *(values[chosen] for values in (result.labels, result.predicted, result.confidence)))
    return gallery(images[chosen], zip(*(column.tolist() for column in columns), strict=True), **options)


def _position(place: int, count: int) -> str:
    """Return the CSS that selects a digit from the sprite of `count` digits."""
    rows = -(-count // COLUMNS)
    row, column = divmod(place, COLUMNS)
    across, down = 100 * column / (COLUMNS - 1), 100 * row / max(1, rows - 1)
    return f"background-size: {100 * COLUMNS}% {100 * rows}%; background-position: {across:.4g}% {down:.4g}%"


def digit_scores(confusion: np.ndarray) -> str:
    """Show the accuracy on each digit and a bar for its number of errors.

    Args:
        confusion: (10, 10) int, row = true digit.
    """
    counts = confusion.sum(axis=1)
    errors = counts - confusion.diagonal()
    most = max(1, int(errors.max()))
    rows = []
    for digit, (count, wrong) in enumerate(zip(counts.tolist(), errors.tolist(), strict=True)):
        accuracy = f"{1 - wrong / count:.1%}" if count else "–"
        rows.append(
            f'<span class="label">{digit}</span><span class="share">{accuracy}</span>'
            f'<span class="track"><span class="fill" style="width:{100 * wrong / most:.1f}%"></span></span>'
            f'<span class="share">{wrong:,} error{"" if wrong == 1 else "s"}</span>'
        )
    return f'<div class="md-bars md-scores">{"".join(rows)}</div>'


def cards(digits: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> str:
    """Show the digits of a number, each with the network's input and ten probabilities.

    Args:
        digits: for each its verdict, (28, 28) uint8 input and (10,) float probabilities in [0, 1].
    """
    figures = []
    for verdict, view, probabilities in digits:
        best, second = np.argsort(-probabilities, kind="stable")[:2]
        title = {
            DIGIT: f"<b>{best}</b>, {percent(probabilities[best])}",
            UNSURE: f"<b>{best}</b> or <b>{second}</b>",
            NOT_A_DIGIT: "not a digit",
        }[verdict]
        columns = "".join(
            f'<span class="column{" best" if digit == best else ""}"><span class="rise"><span class="fill" '
            f'style="height:{100 * share:.1f}%"></span></span>{digit}</span>'
            for digit, share in enumerate(probabilities)
        )
        alt = "not a digit" if verdict == NOT_A_DIGIT else f"predicted as {best}"
        figures.append(
            f'<figure><img src="{png_url(view)}" alt="Network input, {alt}">'
            f'<figcaption>{title}</figcaption><div class="columns">{columns}</div></figure>'
        )
    return f'<div class="md-cards">{"".join(figures)}</div>'


def pictures(parts: Iterable[tuple[str, np.ndarray]], style: str = "md-steps") -> str:
    """Show named pictures from left to right; those of at most 28 pixels with sharp pixels.

    Args:
        parts: for each its name and (height, width), (…, 3) or (…, 4) uint8.
        style: CSS class.
    """
    figures = []
    for name, pixels in parts:
        picture = Image.fromarray(pixels)
        sharp = ' class="pixels"' if max(picture.size) <= 28 else ""
        picture.thumbnail((MAX_STEP_SIDE, MAX_STEP_SIDE), Image.Resampling.BOX)
        url = png_url(np.asarray(picture))
        figures.append(f'<figure><img src="{url}" alt="{name}"{sharp}><figcaption>{name}</figcaption></figure>')
    return f'<div class="{style}">{"".join(figures)}</div>'


def samples(images: np.ndarray, labels: Sequence[int] | np.ndarray) -> str:
    """Show digits in rows of ten.

    Args:
        images: (n, 28, 28) uint8, 255 = foreground.
        labels: (n,) digits.
    """
    pictures = [f'<img src="{png_url(image)}" alt="a {label}">' for image, label in zip(images, labels, strict=True)]
    return f'<div class="md-samples">{"".join(pictures)}</div>'
