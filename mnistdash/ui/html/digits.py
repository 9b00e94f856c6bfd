"""Pure functions: arrays in, HTML out, for what Streamlit has no element for.

Only numbers and our own words go into it, so there is nothing to escape. Text takes the page's
colour; the accent is `--md-accent`, which `ui.page` defines.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.inference.recognize import DIGIT, NOT_A_DIGIT, UNSURE
from mnistdash.ui.html.network import network_view
from mnistdash.ui.html.sprites import COLUMNS, png_url, sprite

STYLE = """
.md-bars { display: grid; grid-template-columns: 1ch 1fr 3.6em; gap: 0.35rem 0.6rem; align-items: center;
  font-variant-numeric: tabular-nums; }
.md-bars .track { height: 0.8rem; border-radius: 0.4rem; overflow: hidden;
  background: color-mix(in srgb, currentColor 12%, transparent); }
.md-bars .fill { display: block; height: 100%; border-radius: 0.4rem;
  background: color-mix(in srgb, currentColor 45%, transparent); }
.md-bars .best { font-weight: 700; }
.md-bars .best.track .fill { background: var(--md-accent); }
.md-bars .share { text-align: right; }
.md-answer { display: flex; flex-wrap: wrap; align-items: center; align-content: center; gap: 0.25rem 1rem;
  min-height: 6rem; }
.md-answer .digit { font-size: 5.5rem; font-weight: 700; line-height: 1; }
.md-answer .invitation { font-size: 2rem; font-weight: 600; }
.md-answer > span { white-space: nowrap; }
.md-answer .doubt { opacity: 0.6; text-decoration: underline; text-decoration-thickness: 0.08em; }
.md-cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); gap: 1rem; }
.md-cards figure, .md-steps figure { margin: 0; }
.md-cards figure { max-width: 9rem; }
.md-cards figcaption, .md-steps figcaption {
  font-size: 0.875rem; line-height: 1.35; margin-top: 0.25rem; }
.md-cards .columns { display: grid; grid-template-columns: repeat(10, 1fr); gap: 2px; font-size: 0.75rem;
  text-align: center; margin-top: 0.35rem; }
.md-cards .rise { display: flex; align-items: flex-end; height: 2.5rem; border-radius: 2px; overflow: hidden;
  background: color-mix(in srgb, currentColor 12%, transparent); }
.md-cards .rise .fill { width: 100%; background: color-mix(in srgb, currentColor 45%, transparent); }
.md-cards .best { font-weight: 700; }
.md-cards .best .fill { background: var(--md-accent); }
.md-steps { display: flex; flex-wrap: wrap; gap: 1rem; }
.md-steps figure { max-width: 9rem; }
.md-steps img { display: block; height: 6.5rem; max-width: 9rem; object-fit: contain; padding: 0.25rem;
  border-radius: 0.35rem; background: #000; }
.md-steps img.pixels { image-rendering: pixelated; }
/* The canvas comes after the rest of its page, whose place it would otherwise take then. */
.st-key-canvas, .st-key-wide_canvas { min-height: 280px; margin-top: 1.25rem; } /* room for its toolbar */
@media (max-width: 640px) { .st-key-wide_canvas { zoom: 0.6; } }
/* What is drawn anew by itself need not fade meanwhile, which some thirty frames would show each time. */
.st-key-live .stElementContainer, .st-key-live .stProgress * { opacity: 1; transition: none; }
.md-gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 1rem 0.75rem; }
.md-gallery figure { margin: 0; }
.md-reading { display: grid; grid-template-columns: 3fr 2fr; gap: 1rem 3rem; align-items: start; }
@media (max-width: 640px) { .md-reading { grid-template-columns: 1fr; } }
.md-view { margin: 0; }
.md-view img { max-width: 11rem; }
.md-view figcaption { font-size: 0.875rem; line-height: 1.5; margin-top: 1rem; opacity: 0.6; }
.md-gallery .digit, .md-samples img, .md-view img, .md-cards img {
  width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 0.35rem; background: #000; display: block; }
.md-gallery .digit { background-image: var(--sheet); }
.md-gallery button { all: unset; display: block; width: 100%; cursor: pointer; border-radius: 0.35rem; }
.md-gallery button:hover, .md-gallery button:focus-visible, .md-gallery .noted .digit {
  outline: 3px solid var(--md-accent); outline-offset: 2px; }
.md-gallery .noted .digit { border-radius: 0.35rem; }
.md-gallery figcaption { font-size: 0.875rem; line-height: 1.35; margin-top: 0.25rem;
  font-variant-numeric: tabular-nums; }
.md-gallery b { font-size: 1rem; }
.md-scores { grid-template-columns: 1ch 3.4em 1fr 5em; row-gap: 0.85rem; }
.md-filters { display: grid; grid-template-columns: repeat(auto-fill, minmax(3.5rem, 1fr)); gap: 0.5rem;
  max-width: 44rem; }
.md-filters img, .md-layers img { width: 100%; image-rendering: pixelated; border-radius: 0.25rem; background: #000;
  display: block; }
.md-layers { display: grid; gap: 1rem; max-width: 44rem; }
.md-layers figure { margin: 0; }
.md-layers figcaption { font-size: 0.875rem; line-height: 1.35; margin-bottom: 0.25rem; }
.md-layers .maps { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 0.5rem; }
.md-layers .wide { grid-column: 1 / -1; }
[data-testid="stSliderThumbValue"] { color: inherit; }
[data-testid="stPaginationEllipsis"] { color: var(--md-text); }
[data-testid="stButtonGroup"] [data-selected="true"] * { color: var(--md-text); }
/* What Plotly wrote on the map has the colour of the theme that was chosen then. */
.st-key-digits_map .annotation-text { fill: var(--md-text) !important; }
.st-key-digits_map .legend .traces:last-child path { fill: var(--md-text) !important; }
[class*="st-key-way-"] a { padding-left: 0; }
.md-samples { display: grid; grid-template-columns: repeat(10, minmax(0, 1fr)); gap: 0.35rem; max-width: 44rem; }
"""


STEP_SIDE = 288  # pixels, of a picture in `steps`: twice what it has on the page


def _reduced(picture: np.ndarray) -> np.ndarray:
    if max(picture.shape[:2]) <= STEP_SIDE:
        return picture
    image = Image.fromarray(picture)
    image.thumbnail((STEP_SIDE, STEP_SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def percent(share: float) -> str:
    """A share in [0, 1] to one decimal, which never rounds to certainty either way."""
    if 0 < share < 0.0005:
        return "&lt;0.1%"
    return "&gt;99.9%" if share >= 0.9995 else f"{share:.1%}"


def answer(verdict: str, probabilities: np.ndarray, is_digit: float | None) -> str:
    """The digit that was read, large, with how sure that is; or the two it may be, or that it is none.

    Args:
        verdict, is_digit: of `reading.Reading`.
        probabilities: (10,) float in [0, 1].
    """
    best, second = np.argsort(-probabilities, kind="stable")[:2]
    sure, less = percent(probabilities[best]), percent(probabilities[second])
    if verdict == NOT_A_DIGIT:
        return _answer('<span class="invitation">Not a digit</span>', f"{percent(1 - is_digit)} sure")
    if verdict == UNSURE:
        either = f'<span class="digit">{best}</span> or <span class="digit">{second}</span>'
        return _answer(either, f"unsure: {sure}<br>or {less}")
    return _answer(f'<span class="digit">{best}</span>', f"{sure} sure<br>runner-up {second}, {less}")


def number(verdicts: Sequence[str], digits: str, confidence: float) -> str:
    """A number that was read, large; what is no digit is a question mark, what is unsure is fainter.

    Args:
        verdicts: of `reading.Reading`, one for each digit.
        digits: the number.
        confidence: that all of it is right, in [0, 1].
    """
    signs = "".join(
        f'<span class="{"doubt" if verdict != DIGIT else "sure"}">{"?" if verdict == NOT_A_DIGIT else digit}</span>'
        for verdict, digit in zip(verdicts, digits, strict=True)
    )
    if NOT_A_DIGIT in verdicts:
        detail = "not all of it<br>is digits"
    elif UNSURE in verdicts:
        detail = f"unsure: {percent(confidence)}<br>for all {len(digits)} digits"
    else:
        detail = f"{percent(confidence)} sure<br>of all {len(digits)} digits"
    return _answer(f'<span class="digit">{signs}</span>', detail)


def _answer(what: str, detail: str) -> str:
    return f'<div class="md-answer">{what} <span>{detail}</span></div>'


def invitation(text: str) -> str:
    """What stands in the answer's place before there is one; as tall, so that nothing jumps."""
    return _answer(f'<span class="invitation">{text}</span>', "")


def probability_bars(probabilities: np.ndarray | None) -> str:
    """Ten bars, one for each digit, the likeliest set off in weight and colour if it stands out.

    Args:
        probabilities: (10,) float in [0, 1]; None for empty bars.
    """
    shares = [0.0] * 10 if probabilities is None else [float(share) for share in probabilities]
    figures = ["–" if probabilities is None else f"{share:.1%}" for share in shares]
    rows = []
    for digit, (share, figure) in enumerate(zip(shares, figures, strict=True)):
        # Of what is no digit, all ten are as likely: then none is the best.
        mark = " best" if share == max(shares) and figures.count(figure) == 1 else ""
        rows.append(
            f'<span class="label{mark}">{digit}</span>'
            f'<span class="track{mark}"><span class="fill" style="width:{100 * share:.1f}%"></span></span>'
            f'<span class="share{mark}">{figure}</span>'
        )
    return f'<div class="md-bars">{"".join(rows)}</div>'


def gallery(
    images: np.ndarray,
    labels: Sequence[int],
    predicted: Sequence[int | str],
    confidence: Sequence[float],
    indices: Sequence[int],
    notes: Sequence[str] | None = None,
    remarks: Sequence[str] | None = None,
    pick: bool = False,
) -> str:
    """Digits with their true and predicted labels, as a grid that fits any width.

    Args:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: n digits.
        predicted: n digits, or words.
        confidence: n shares in [0, 1].
        indices: n positions in the split.
        notes: n words, each "" or what sets the digit off; it is framed then.
        remarks: n words, each "" or what else there is to say.
        pick: whether each can be clicked, for `views.clickable`.
    """
    notes, remarks = ([""] * len(images) if words is None else words for words in (notes, remarks))
    figures = []
    for place, (index, true, read, sure, note, remark) in enumerate(
        zip(indices, labels, predicted, confidence, notes, remarks, strict=True)
    ):
        name = f"Digit {index}: a {true} read as {read}"
        picture = f'<span class="digit" role="img" aria-label="{name}" style="{_place(place, len(images))}"></span>'
        if pick:
            title = f"Open digit no. {index}"
            picture = f'<button data-pick="{index}" data-kind="{true},{read}" title="{title}">{picture}</button>'
        figures.append(
            f"<figure{' class=noted' if note else ''}>{picture}"
            f"<figcaption><b>{true} → {read}</b><br>{percent(sure)} sure<br>no. {index}"
            f"{''.join(f'<br>{words}' for words in (remark, note) if words)}</figcaption></figure>"
        )
    # One picture for all: a browser shows it in a blink, a hundred small ones one after the other.
    sheet = png_url(sprite(images)) if len(images) else ""
    return f'<div class="md-gallery" style="--sheet: url({sheet})">{"".join(figures)}</div>'


def gallery_of(images: np.ndarray, result: Evaluation, chosen: np.ndarray, **more) -> str:
    """A `gallery` of some digits of a split.

    Args:
        images: (n, 28, 28) uint8, of the split.
        result: a model's answers over it.
        chosen: (k,) int64 indices.
        more: as for `gallery`.
    """
    labels, predicted, confidence = result.labels[chosen], result.predicted[chosen], result.confidence[chosen]
    return gallery(images[chosen], labels, predicted, confidence, chosen, **more)


def _place(place: int, count: int) -> str:
    """Where on the sprite of `count` digits a digit is, as CSS."""
    rows = -(-count // COLUMNS)
    row, column = divmod(place, COLUMNS)
    across, down = 100 * column / (COLUMNS - 1), 100 * row / max(1, rows - 1)
    return f"background-size: {100 * COLUMNS}% {100 * rows}%; background-position: {across:.4g}% {down:.4g}%"


def digit_scores(confusion: np.ndarray) -> str:
    """For each digit the share read right, and a bar for how many were not.

    Args:
        confusion: (10, 10) int, row = true digit.
    """
    counts = confusion.sum(axis=1)
    wrong = counts - confusion.diagonal()
    most = max(1, int(wrong.max()))
    rows = []
    for digit, (count, missed) in enumerate(zip(counts.tolist(), wrong.tolist(), strict=True)):
        share = f"{1 - missed / count:.1%}" if count else "–"
        rows.append(
            f'<span class="label">{digit}</span><span class="share">{share}</span>'
            f'<span class="track"><span class="fill" style="width:{100 * missed / most:.1f}%"></span></span>'
            f'<span class="share">{missed:,} wrong</span>'
        )
    return f'<div class="md-bars md-scores">{"".join(rows)}</div>'


def reading(probabilities: np.ndarray | None, image: np.ndarray, caption: str) -> str:
    """The `probability_bars` and the `network_view` side by side, on a phone one above the other."""
    return f'<div class="md-reading">{probability_bars(probabilities)}{network_view(image, caption)}</div>'


def cards(digits: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> str:
    """The digits of a number, each with what the network sees and its ten probabilities.

    Args:
        digits: for each its verdict, (28, 28) uint8 view and (10,) float probabilities in [0, 1].
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
        what = "no digit" if verdict == NOT_A_DIGIT else f"a {best}"
        figures.append(
            f'<figure><img src="{png_url(view)}" alt="What the network sees, read as {what}">'
            f'<figcaption>{title}</figcaption><div class="columns">{columns}</div></figure>'
        )
    return f'<div class="md-cards">{"".join(figures)}</div>'


def steps(pictures: Sequence[tuple[str, np.ndarray]]) -> str:
    """Pictures of one thing becoming another, from left to right; those of at most 28 pixels show them.

    Args:
        pictures: for each its name and (height, width) or (…, 4) uint8.
    """
    figures = []
    for name, picture in pictures:
        pixels = ' class="pixels"' if max(picture.shape[:2]) <= 28 else ""
        figures.append(
            f'<figure><img src="{png_url(_reduced(picture))}" alt="{name}"{pixels}>'
            f"<figcaption>{name}</figcaption></figure>"
        )
    return f'<div class="md-steps">{"".join(figures)}</div>'


def samples(images: np.ndarray, labels: Sequence[int]) -> str:
    """Digits in rows of ten.

    Args:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: n digits.
    """
    pictures = [f'<img src="{png_url(image)}" alt="a {label}">' for image, label in zip(images, labels, strict=True)]
    return f'<div class="md-samples">{"".join(pictures)}</div>'
