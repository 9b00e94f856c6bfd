"""Non-digits of kinds that no network is trained on, for measuring only.

They are typeset letters, slanted and rotated, and signs and letters of other scripts, drawn with an unsteady hand. As
in training, letters that resemble a digit are omitted.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnistdash.synthesis import non_digits

SIDE = 140  # pixels
TYPESET = "ABCDEFHJKLMNPQRTUVWXYacdefhjkmnprtuvwxy&@#$%?+=<>*"
# Strokes on a 10x10 grid, as in `glyphs.toml`.
OTHER_SCRIPTS = {
    "Γ": "2,10 2,0 9,0",
    "Λ": "0,10 5,0 10,10",
    "Π": "1,10 1,0 9,0 9,10",
    "Σ": "9,0 1,0 6,5 1,10 9,10",
    "Φ": "5,0 5,10 / ~5,2 1,4 1,6 5,8 9,6 9,4 5,2",
    "Ψ": "5,0 5,10 / ~0,1 1,5 5,7 9,5 10,1",
    "Ω": "1,10 3,10 / ~3,10 0,6 2,1 8,1 10,6 7,10 / 7,10 9,10",
    "ω": "~2,3 0,7 3,10 5,7 7,10 10,7 8,3",
    "π": "~0,3 2,2 10,2 / 3,2 2,10 / 7,2 8,10",
    "Ж": "5,0 5,10 / 0,0 5,5 0,10 / 10,0 5,5 10,10",
    "И": "1,0 1,10 9,0 9,10",
    "Ш": "0,0 0,10 10,10 10,0 / 5,0 5,10",
    "Ю": "0,0 0,10 / 0,5 3,5 / ~6,0 3,3 3,7 6,10 9,7 9,3 6,0",
    "Я": "9,10 9,0 / ~9,0 2,1 2,4 9,5 / 6,5 1,10",
    "ה": "1,0 9,0 9,10 / 2,4 2,10",
    "ש": "~0,0 1,10 9,10 10,0 / 5,0 4,9",
    "あ": "1,2 9,2 / ~4,0 4,6 6,10 / ~7,4 5,9 1,9 2,6 7,5 9,8 6,10",
    "む": "0,3 7,3 / ~4,0 4,7 2,9 2,6 4,6 4,9 9,9 9,6 / 8,2 9,4",
    "人": "~5,0 4,5 0,10 / ~5,3 7,7 10,10",
    "木": "5,0 5,10 / 0,3 10,3 / 5,3 0,8 / 5,3 10,8",
    "中": "5,0 5,10 / 0,2 10,2 10,6 0,6 0,2",
    "tree": "5,10 5,0 / 1,4 5,0 9,4 / 1,7 5,3 9,7",
    "fish": "~0,5 3,2 7,5 10,8 / ~0,5 3,8 7,5 10,2 / 2,4",
    "flag": "1,0 1,10 / 1,0 9,2 1,5",
    "cup": "1,2 2,10 7,10 8,2 1,2 / ~8,4 10,4 10,7 7,8",
    "spiral": "~5,5 6,5 6,7 4,7 3,5 4,3 7,3 8,5 8,8 4,9 1,7 1,4",
}


def draw_unseen_non_digits(count: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield kinds and images: "typeset letter" or "other script", and (SIDE, SIDE) uint8 with 255 = stroke."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        if number % 2:
            picture = non_digits.draw_glyph(OTHER_SCRIPTS[rng.choice(list(OTHER_SCRIPTS))], rng)
            yield "other script", np.round(255 * picture).astype(np.uint8)
        else:
            yield "typeset letter", _typeset(rng.choice(list(TYPESET)), rng)


def _typeset(letter: str, rng: np.random.Generator) -> np.ndarray:
    image = Image.new("L", (SIDE, SIDE))
    font = ImageFont.load_default(size=int(rng.integers(50, 90)))
    ImageDraw.Draw(image).text((SIDE / 2, SIDE / 2), letter, fill=255, font=font, anchor="mm")
    angle, slant, stretch = np.radians(rng.normal(0, 8)), rng.normal(0, 0.2), rng.uniform(0.8, 1.3)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.array([[stretch, slant], [0, 1]])
    shift = SIDE / 2 - matrix @ np.full(2, SIDE / 2)
    data = (*matrix[0], shift[0], *matrix[1], shift[1])
    return np.asarray(image.transform((SIDE, SIDE), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC))
