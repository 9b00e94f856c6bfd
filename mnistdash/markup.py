"""Pure functions: arrays in, HTML out, for what Streamlit has no element for.

Only numbers and our own words go into it, so there is nothing to escape. Text takes the page's
colour; the accent is `ACCENT`, which `ui.style` defines.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

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
.md-answer { display: flex; align-items: center; gap: 1rem; min-height: 6rem; }
.md-answer .digit { font-size: 5.5rem; font-weight: 700; line-height: 1; }
.md-answer .invitation { font-size: 2rem; font-weight: 600; }
.md-gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 1rem 0.75rem; }
.md-gallery figure { margin: 0; }
.md-view { max-width: 11rem; }
.md-gallery img, .md-samples img, .md-view img { width: 100%; aspect-ratio: 1; image-rendering: pixelated;
  border-radius: 0.35rem; background: #000; display: block; }
.md-gallery figcaption { font-size: 0.875rem; line-height: 1.35; margin-top: 0.25rem;
  font-variant-numeric: tabular-nums; }
.md-gallery b { font-size: 1rem; }
[data-testid="stSliderThumbValue"] { color: inherit; }
[class*="st-key-way-"] a { padding-left: 0; }
.md-samples { display: grid; grid-template-columns: repeat(10, minmax(0, 1fr)); gap: 0.35rem; max-width: 44rem; }
"""


def png_url(image: np.ndarray) -> str:
    """A (height, width) uint8 picture as a data URL."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def percent(share: float) -> str:
    """A share in [0, 1] to one decimal, which never rounds to certainty either way."""
    if 0 < share < 0.0005:
        return "&lt;0.1%"
    return "&gt;99.9%" if 0.9995 <= share < 1 else f"{share:.1%}"


def answer(probabilities: np.ndarray) -> str:
    """The digit that was read, large, with how sure that is and the runner-up.

    Args:
        probabilities: (10,) float in [0, 1].
    """
    best, second = np.argsort(-probabilities)[:2]
    detail = f"{percent(probabilities[best])} sure<br>runner-up {second}, {percent(probabilities[second])}"
    return f'<div class="md-answer"><span class="digit">{best}</span> <span>{detail}</span></div>'


def invitation(text: str) -> str:
    """What stands in the answer's place before there is one; as tall, so that nothing jumps."""
    return f'<div class="md-answer"><span class="invitation">{text}</span></div>'


def probability_bars(probabilities: np.ndarray | None) -> str:
    """Ten bars, one for each digit, the likeliest set off in weight and colour.

    Args:
        probabilities: (10,) float in [0, 1]; None for empty bars.
    """
    rows = []
    for digit in range(10):
        share = 0.0 if probabilities is None else float(probabilities[digit])
        mark = " best" if probabilities is not None and digit == probabilities.argmax() else ""
        figure = "–" if probabilities is None else f"{share:.1%}"
        rows.append(
            f'<span class="label{mark}">{digit}</span>'
            f'<span class="track{mark}"><span class="fill" style="width:{100 * share:.1f}%"></span></span>'
            f'<span class="share{mark}">{figure}</span>'
        )
    return f'<div class="md-bars">{"".join(rows)}</div>'


def gallery(
    images: np.ndarray,
    labels: Sequence[int],
    predicted: Sequence[int],
    confidence: Sequence[float],
    indices: Sequence[int],
) -> str:
    """Digits with their true and predicted labels, as a grid that fits any width.

    Args:
        images: (n, 28, 28) uint8, 255 = ink.
        labels, predicted: n digits each.
        confidence: n shares in [0, 1].
        indices: n positions in the split.
    """
    figures = [
        f'<figure><img src="{png_url(image)}" alt="Digit {index}: a {true} read as {read}">'
        f"<figcaption><b>{true} → {read}</b><br>{percent(sure)} sure<br>no. {index}</figcaption></figure>"
        for image, true, read, sure, index in zip(images, labels, predicted, confidence, indices, strict=True)
    ]
    return f'<div class="md-gallery">{"".join(figures)}</div>'


def network_view(image: np.ndarray) -> str:
    """What the network sees, each pixel to be told apart.

    Args:
        image: (28, 28) uint8, 255 = ink.
    """
    return f'<div class="md-view"><img src="{png_url(image)}" alt="The 28 by 28 image the network sees"></div>'


def samples(images: np.ndarray, labels: Sequence[int]) -> str:
    """Digits in rows of ten.

    Args:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: n digits.
    """
    pictures = [f'<img src="{png_url(image)}" alt="a {label}">' for image, label in zip(images, labels, strict=True)]
    return f'<div class="md-samples">{"".join(pictures)}</div>'
