import base64
import io
import re

import numpy as np
from PIL import Image

from mnistdash.ui.html import network


def test_the_network_input_has_a_text_alternative():
    assert re.search(r'<img [^>]*alt="[^"]+"', network.network_view(np.zeros((28, 28), np.uint8)))


def test_filters_are_warm_for_positive_and_cold_for_negative_weights():
    weights = np.zeros((3, 2, 2), np.float32)
    weights[0], weights[1] = 1, -1
    html = network.filters(weights)
    colors = [
        np.array(Image.open(io.BytesIO(base64.b64decode(part.split('"')[0])))) for part in html.split("base64,")[1:]
    ]
    assert [tuple(color[0, 0]) for color in colors] == [tuple(network.WARM), tuple(network.COLD), (0, 0, 0)]


def test_activations_show_the_input_and_every_layer():
    html = network.activations(
        np.zeros((28, 28), np.uint8),
        [("Convolution", np.zeros((8, 5, 5), np.uint8)), ("Dense", np.zeros((1, 4, 32), np.uint8))],
    )
    assert html.count("<img") == 1 + 8 + 1
    assert html.count('class="wide"') == 1
    assert "Convolution" in html and "Dense" in html
