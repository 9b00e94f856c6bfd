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


@pytest.mark.parametrize("recipe", LAYERS)
def test_every_layer_between_the_pixels_and_the_answer_is_shown(recipe, images):
    details = Inspector(networks.build(RECIPES[recipe]), images).now()
    assert [layer.maps.shape[2:] for layer in details.layers] == LAYERS[recipe]
    for layer in details.layers:
        assert layer.maps.dtype == np.uint8
        assert layer.maps.shape[:2] in ((10, CHANNELS), (10, 1))


def test_the_filters_are_the_first_layers_weights(images):
    network = networks.build(RECIPES["keras-cnn"])
    kernel = network.get_weights()[0]
    filters = Inspector(network, images).now().filters
    assert filters.shape == (32, 3, 3)
    assert np.array_equal(filters[5], kernel[:, :, 0, 5])


def test_the_weights_of_softmax_regression_are_a_picture_for_each_digit(images):
    network = networks.build(RECIPES["softmax-naive"])
    filters = Inspector(network, images).now().filters
    assert filters.shape == (10, 28, 28)
    assert np.array_equal(filters[7].ravel(), network.get_weights()[0][:, 7])


def test_activations_are_those_of_the_network_as_it_is_now(images):
    network = networks.build(RECIPES["keras-cnn"])
    features = Inspector(network, images)
    before = features.now().layers[0].maps
    first = network.layers[2]
    expected = np.moveaxis(ops.convert_to_numpy(first(images[..., None])), -1, 1)[:, :CHANNELS]
    largest = expected.max(axis=(1, 2, 3), keepdims=True)
    assert np.abs(before - 255 * expected / largest).max() <= 1
    network.set_weights([2 * np.roll(weight, 1) for weight in network.get_weights()])
    assert not np.array_equal(features.now().layers[0].maps, before)


def test_it_works_in_half_precision(images):
    details = Inspector(networks.build(RECIPES["flagship"], "bfloat16"), images).now()
    assert len(details.layers) == 7
