"""Downloads of a list of digits: a contact sheet to print and a CSV table."""

import csv
import io
import math
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs.annotations import Annotation
from mnistdash.ui.html.sprites import COLUMNS

SCALE = 3  # sheet pixels per image pixel
MARGIN = 14  # pixels around each digit
CAPTION_HEIGHT = 32  # pixels, for two lines
MAX_SHEET_DIGITS = 1_000


def contact_sheet(images: np.ndarray, result: Evaluation, indices: np.ndarray) -> bytes:
    """Draw digits with their true and predicted labels, black on white.

    Args:
        images: (n, 28, 28) uint8, the split.
        result: a model's predictions for it.
        indices: (k,) digits to draw, in order.

    Returns:
        A PNG file.
    """
    side = images.shape[1] * SCALE
    width, height = side + 2 * MARGIN, side + MARGIN + CAPTION_HEIGHT
    rows = max(1, math.ceil(len(indices) / COLUMNS))
    sheet = Image.new("L", (COLUMNS * width, rows * height + MARGIN), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for position, index in enumerate(indices.tolist()):
        left, top = position % COLUMNS * width + MARGIN, position // COLUMNS * height + MARGIN
        digit = np.kron(255 - images[index], np.ones((SCALE, SCALE), np.uint8))
        sheet.paste(Image.fromarray(digit), (left, top))
        draw.rectangle((left - 1, top - 1, left + side, top + side), outline=200)
        labels = f"{result.labels[index]} \u2192 {result.predicted[index]}"
        caption = f"{labels}  {result.confidence[index]:.1%}\nno. {index}"
        draw.text((left, top + side + 2), caption, fill=0, font=font, spacing=2)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def csv_table(result: Evaluation, indices: np.ndarray, marks: Mapping[int, Annotation]) -> str:
    """Return digits as CSV: index, true, predicted, ten probabilities, mark and note.

    Args:
        result: a model's predictions for the split.
        indices: (k,) digits to write, in order.
        marks: the split's annotations, by index.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["index", "true", "predicted", *(f"p{digit}" for digit in range(10)), "mark", "note"])
    for index in indices.tolist():
        mark = marks.get(index, Annotation())
        probabilities = (f"{probability:.6f}" for probability in result.probabilities[index])
        writer.writerow([index, result.labels[index], result.predicted[index], *probabilities, mark.kind, mark.note])
    return buffer.getvalue()
