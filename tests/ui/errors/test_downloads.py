import csv
import io

import numpy as np
from PIL import Image

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs.annotations import Annotation
from mnistdash.ui.errors import downloads
from mnistdash.ui.html import sprites

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 28, 28), np.uint8)
PROBABILITIES = np.random.default_rng(1).dirichlet(np.ones(10), 23).astype(np.float32)
RESULT = Evaluation(np.arange(23, dtype=np.uint8) % 10, PROBABILITIES)


def test_a_sprite_contains_each_digit_in_its_place():
    made = sprites.sprite(IMAGES)
    assert made.shape == (3 * 28, 10 * 28)
    for place, image in enumerate(IMAGES):
        row, column = divmod(place, 10)
        assert np.array_equal(made[28 * row : 28 * row + 28, 28 * column : 28 * column + 28], image)
    assert not made[56:, 84:].any()


def test_the_table_has_the_listed_digits_in_order():
    rows = list(
        csv.reader(
            io.StringIO(
                downloads.csv_table(RESULT, np.array([5, 2]), {2: Annotation("bad label", 'a 7, "surely"\nor not')})
            )
        )
    )
    assert rows[0] == ["index", "true", "predicted", *(f"p{k}" for k in range(10)), "mark", "note"]
    assert [row[0] for row in rows[1:]] == ["5", "2"]
    assert rows[1][1:3] == ["5", str(RESULT.predicted[5])]
    assert np.allclose([float(share) for share in rows[2][3:13]], PROBABILITIES[2], atol=1e-6)
    assert rows[1][13:] == ["", ""]
    assert rows[2][13:] == ["bad label", 'a 7, "surely"\nor not']


def test_the_contact_sheet_shows_the_digits_dark_on_light():
    sheet = np.asarray(Image.open(io.BytesIO(downloads.contact_sheet(IMAGES, RESULT, np.array([7, 3])))))
    side, margin, scale = 28 * downloads.SCALE, downloads.MARGIN, downloads.SCALE
    first = sheet[margin : margin + side : scale, margin : margin + side : scale]
    assert np.array_equal(first, 255 - IMAGES[7])
    left = side + 2 * margin + margin
    assert np.array_equal(sheet[margin : margin + side : scale, left : left + side : scale], 255 - IMAGES[3])
    assert (sheet[margin + side + 2 : margin + side + 30, margin : margin + side] < 128).any(), "caption below digits"
    twelve = np.asarray(Image.open(io.BytesIO(downloads.contact_sheet(IMAGES, RESULT, np.arange(12)))))
    assert twelve.shape[1] == sheet.shape[1]
    assert twelve.shape[0] > 1.8 * sheet.shape[0], "a second row"
