"""Many digits at once: a sprite for the page, a contact sheet to print, a table for other programs."""

import csv
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs.annotations import Annotation
from mnistdash.ui.html.sprites import COLUMNS

SCALE = 3  # of a digit on a contact sheet
MARGIN = 14  # pixels around each
CAPTION = 32  # pixels below each, for two lines
MOST = 1_000  # digits on a contact sheet


def contact_sheet(images: np.ndarray, result: Evaluation, indices: np.ndarray) -> bytes:
    """Digits with what they are and what they were read as, black on white, as a PNG file.

    Args:
        images: (n, 28, 28) uint8, of the split.
        result: a model's answers over it.
        indices: (k,) which to show, and in which order.
    """
    side = images.shape[1] * SCALE
    width, height = side + 2 * MARGIN, side + MARGIN + CAPTION
    rows = max(1, math.ceil(len(indices) / COLUMNS))
    sheet = Image.new("L", (COLUMNS * width, rows * height + MARGIN), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for place, index in enumerate(indices.tolist()):
        left, top = place % COLUMNS * width + MARGIN, place // COLUMNS * height + MARGIN
        picture = np.kron(255 - images[index], np.ones((SCALE, SCALE), np.uint8))
        sheet.paste(Image.fromarray(picture), (left, top))
        pen.rectangle((left - 1, top - 1, left + side, top + side), outline=200)
        words = f"{result.labels[index]} \u2192 {result.predicted[index]}  {result.confidence[index]:.1%}\nno. {index}"
        pen.text((left, top + side + 2), words, fill=0, font=font, spacing=2)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def csv_table(result: Evaluation, indices: Sequence[int], marks: Mapping[int, Annotation]) -> str:
    """Digits as CSV: index, true, predicted, the ten probabilities, mark and note.

    Args:
        result: a model's answers over a split.
        indices: which digits, and in which order.
        marks: of the split, by index.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["index", "true", "predicted", *(f"p{digit}" for digit in range(10)), "mark", "note"])
    for index in map(int, indices):
        mark = marks.get(index, Annotation())
        shares = (f"{share:.6f}" for share in result.probabilities[index])
        writer.writerow([index, result.labels[index], result.predicted[index], *shares, mark.kind, mark.note])
    return buffer.getvalue()
