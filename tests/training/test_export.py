from dataclasses import replace

import numpy as np
from scipy.special import log_softmax

from mnistdash.runs.recipes import RECIPES
from mnistdash.training import export, networks


class Sure:
    """A network whose logits are five times too large: it is far too sure of itself."""

    def __init__(self, labels: np.ndarray):
        random = np.random.default_rng(0)
        logits = random.normal(0, 1, (len(labels), 11)).astype(np.float32)
        logits[np.arange(len(labels)), labels] += 1.5
        logits[:, networks.NOT_A_DIGIT] = -50
        self.logits = 5 * logits

    def predict(self, images, **_):
        return self.logits


def test_temperature_mends_the_confidence_and_leaves_the_guess(sample):
    labels = sample.validation.labels
    network = Sure(labels)
    temperature = export.fit_temperature(network, sample.validation)
    assert 3 < temperature < 5.01

    def loss(by: float) -> float:
        return -log_softmax(network.logits[:, :10] / by, axis=1)[np.arange(len(labels)), labels].mean()

    assert loss(temperature) < min(loss(1.0), loss(0.8 * temperature))


def test_a_network_is_not_calibrated_on_digits_that_it_was_trained_on(sample):
    network, recipe = Sure(sample.validation.labels), RECIPES["flagship"]
    fitted = export.fit_temperature(network, sample.validation)
    assert export.temperature(network, recipe, sample.validation) == fitted
    seen = replace(recipe, trains_on_validation=True)
    assert export.temperature(network, seen, sample.validation) == recipe.temperature != fitted
    assert export.temperature(network, RECIPES["express"], sample.validation) == 1.0
