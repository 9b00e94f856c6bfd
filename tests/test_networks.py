import numpy as np
import pytest
from keras import ops

from mnistdash import networks
from mnistdash.recipes import RECIPES

PARAMETERS = {
    "softmax": 784 * 10 + 10,
    "softmax-naive": 784 * 10 + 10,
    "tutorial-cnn": 3_274_634,
    "dropout-cnn": 3_274_634,
    "keras-cnn": 1_199_882,
    "flagship": 326_826,
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_shape_type_and_size(name, precision):
    network = networks.build(RECIPES[name], precision)
    assert network.count_params() == PARAMETERS[name]
    logits = network(np.zeros((3, 28, 28), np.float32))
    assert tuple(logits.shape) == (3, 10)
    assert str(logits.dtype) in ("float32", "<dtype: 'float32'>")
    assert all(weight.dtype == "float32" for weight in network.weights)


def test_the_wide_networks_have_the_tutorials_layers():
    shapes = [tuple(weight.shape) for weight in networks.build(RECIPES["tutorial-cnn"]).weights]
    assert shapes == [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (7 * 7 * 64, 1024), (1024,), (1024, 10), (10,)]


def test_softmax_starts_at_zero_and_its_first_form_does_not():
    assert not any(weight.any() for weight in networks.build(RECIPES["softmax"]).get_weights())
    kernel, _ = networks.build(RECIPES["softmax-naive"]).get_weights()
    assert abs(kernel.std() - 1) < 0.05


def test_every_weight_and_bias_of_dropout_cnn_is_drawn_from_n_0_1_on_its_own():
    weights = networks.build(RECIPES["dropout-cnn"]).get_weights()
    large = [weight for weight in weights if weight.size > 500]
    assert all(abs(weight.std() - 1) < 0.1 and abs(weight.mean()) < 0.1 for weight in large)
    assert all(weight.any() for weight in weights), "biases are drawn, too"
    firsts = [weight.ravel()[:10].tolist() for weight in weights]
    assert len({tuple(first) for first in firsts}) == len(firsts), "no two layers draw the same numbers"


def test_training_takes_bytes_and_export_gives_probabilities():
    network = networks.build(RECIPES["keras-cnn"])
    pixels = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
    logits = ops.convert_to_numpy(networks.for_training(network, RECIPES["keras-cnn"], 0)(pixels))
    probabilities = ops.convert_to_numpy(networks.for_export(network)(pixels.astype(np.float32) / 255))
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    assert np.allclose(probabilities, exponentials / exponentials.sum(1, keepdims=True), atol=1e-5)


class TestRandomAffine:
    """Augmentation."""

    images = np.random.default_rng(0).random((6, 28, 28), np.float32)

    def test_it_changes_nothing_outside_training(self):
        assert np.array_equal(networks.RandomAffine()(self.images, training=False), self.images)

    def test_it_keeps_shape_and_range_and_treats_each_image_differently(self):
        same = np.repeat(self.images[:1], 6, axis=0)
        changed = ops.convert_to_numpy(networks.RandomAffine(seed=1)(same, training=True))
        assert changed.shape == same.shape
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert len({image.tobytes() for image in changed}) == 6

    def test_with_nothing_to_change_it_is_the_identity(self):
        """Guards the matrix: the centre of the image must stay where it is."""
        still = networks.RandomAffine(degrees=0, scale=0, shear=0, shift=0)
        assert np.allclose(still(self.images, training=True), self.images, atol=1e-5)

    def test_it_turns_about_the_middle(self):
        dot = np.zeros((200, 28, 28), np.float32)
        dot[:, 13:15, 13:15] = 1
        turned = ops.convert_to_numpy(networks.RandomAffine(degrees=90, scale=0, shear=0, shift=0)(dot, training=True))
        assert turned[:, 11:17, 11:17].sum() > 0.99 * turned.sum()

    def test_a_seed_repeats_it(self):
        first, second = (ops.convert_to_numpy(networks.RandomAffine(seed=3)(self.images, training=True)) for _ in "ab")
        assert np.array_equal(first, second)
