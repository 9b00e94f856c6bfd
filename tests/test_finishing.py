from dataclasses import replace

import keras
import numpy as np
from scipy.special import log_softmax

from mnistdash import finishing, networks
from mnistdash.recipes import RECIPES


def test_batch_normalisation_ends_with_the_statistics_of_the_digits(sample):
    recipe = replace(RECIPES["flagship"], augmentation=False)
    network = networks.build(recipe)
    before = network.get_weights()
    finishing.settle_statistics(network, recipe, sample.train.images[:1000], 0)
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization))
    made = keras.Model(network.input, first.input).predict(sample.train.images[:1000] / np.float32(255), verbose=0)
    assert np.allclose(first.moving_mean, made.mean((0, 1, 2)), atol=1e-4)
    assert first.momentum == 0.9
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [0.15] * 3
    trained = {id(weight) for weight in network.trainable_weights}
    for weight, old in zip(network.weights, before, strict=True):
        assert id(weight) not in trained or np.array_equal(weight, old)


def test_without_batch_normalisation_nothing_is_settled(sample):
    network = networks.build(RECIPES["keras-cnn"])
    before = network.get_weights()
    finishing.settle_statistics(network, RECIPES["keras-cnn"], sample.train.images[:500], 0)
    assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), before, strict=True))


def test_temperature_mends_the_confidence_and_leaves_the_guess(sample):
    """A network whose logits are five times too large is far too sure of itself."""
    labels = sample.validation.labels
    random = np.random.default_rng(0)
    logits = random.normal(0, 1, (len(labels), 11)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += 1.5
    logits[:, networks.NOT_A_DIGIT] = -50

    class Sure:
        def predict(self, images, **_):
            return 5 * logits

    temperature = finishing.fit_temperature(Sure(), sample.validation)
    assert 3 < temperature < 5.01

    def loss(by: float) -> float:
        return -log_softmax(5 * logits[:, :10] / by, axis=1)[np.arange(len(labels)), labels].mean()

    assert loss(temperature) < min(loss(1.0), loss(0.8 * temperature))
