import numpy as np
from scipy.special import log_softmax

from mnistdash.fitting import finishing, networks


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
