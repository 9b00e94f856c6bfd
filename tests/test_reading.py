import numpy as np

from mnistdash import inference, preprocess
from mnistdash.reading import read


def test_a_drawing_is_read_from_what_the_network_sees(flagship, models, drawing):
    reading = read(drawing, inference.load("flagship", models))
    assert (reading.verdict, reading.digit) == ("digit", 7)
    assert np.array_equal(reading.view, preprocess.to_mnist(drawing))
    assert reading.confidence == reading.probabilities[7]
    assert reading.milliseconds > 0


def test_a_blank_image_never_reaches_the_network():
    def fail(images):
        raise AssertionError("asked about a blank image")

    reading = read(np.full((100, 100), 255, np.uint8), fail)
    assert (reading.verdict, reading.digit, reading.confidence) == ("blank", None, 0.0)
    assert reading.view.shape == (28, 28)
    assert not reading.probabilities.any()
