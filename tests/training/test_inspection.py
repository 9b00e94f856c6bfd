import numpy as np
import pytest
from keras import ops

from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.snapshots import CHANNELS, first_of_each_digit
from mnistdash.training import networks
from mnistdash.training.inspection import Inspector

LAYERS = {
    "softmax": [],
    "keras-cnn": [(26, 26), (24, 24), (12, 12), (4, 32)],
    "tutorial-cnn": [(28, 28), (14, 14), (14, 14), (7, 7), (32, 32)],
    "express": [(24, 24), (12, 12), (5, 5), (5, 5), (3, 3)],
    "flagship": [(26, 26), (24, 24), (12, 12), (10, 10), (8, 8), (4, 4), (6, 32)],
}


@pytest.fixture
def images(sample):
    return sample.validation.images[first_of_each_digit(sample.validation.labels)].astype(np.float32) / 255


@pytest.mark.parametrize(
    ("recipe", "precision"),
    [
        ("softmax", "float32"),
        ("keras-cnn", "float32"),
        ("tutorial-cnn", "float32"),
        ("express", "bfloat16"),
        pytest.param("flagship", "float32", marks=pytest.mark.slow),
        pytest.param("flagship", "bfloat16", marks=pytest.mark.slow),
    ],
)
def test_every_hidden_layer_is_shown(built, recipe, precision, images):
    view = Inspector(built(recipe, precision), images).snapshot()
    assert [maps.shape[2:] for _, maps in view.layers] == LAYERS[recipe]
    for _, maps in view.layers:
        assert maps.dtype == np.uint8
        assert maps.shape[:2] in ((10, CHANNELS), (10, 1))


def test_filters_are_the_weights_of_the_first_layer(built, images):
    network = built("keras-cnn")
    kernel = network.get_weights()[0]
    filters = Inspector(network, images).snapshot().filters
    assert filters.shape == (32, 3, 3)
    assert np.array_equal(filters[5], kernel[:, :, 0, 5])


def test_weights_of_softmax_regression_are_one_image_per_digit(built, images):
    network = built("softmax-naive")
    filters = Inspector(network, images).snapshot().filters
    assert filters.shape == (10, 28, 28)
    assert np.array_equal(filters[7].ravel(), network.get_weights()[0][:, 7])


def test_snapshot_uses_the_current_weights(images):
    network = networks.build(RECIPES["keras-cnn"])
    inspector = Inspector(network, images)
    _, before = inspector.snapshot().layers[0]
    first = network.layers[2]
    expected = np.moveaxis(ops.convert_to_numpy(first(images[..., None])), -1, 1)[:, :CHANNELS]
    largest = expected.max(axis=(1, 2, 3), keepdims=True)
    assert np.abs(before - 255 * expected / largest).max() <= 1
    network.set_weights([2 * np.roll(weight, 1) for weight in network.get_weights()])
    assert not np.array_equal(inspector.snapshot().layers[0][1], before)
