import keras
import numpy as np
import pytest

from mnistdash import schedules
from mnistdash.schedules import learning_rates


@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_the_cosine_is_the_one_that_keras_trains_with(steps):
    rise = schedules.warm_up(steps)
    trained = keras.optimizers.schedules.CosineDecay(0.0, max(1, steps - rise), warmup_target=0.1, warmup_steps=rise)
    at = np.unique(np.linspace(0, steps, 50).astype(int))
    expected = [float(trained(step)) for step in at]
    assert learning_rates("cosine", 0.1, steps, at) == pytest.approx(expected, abs=1e-6)


def test_a_constant_rate_is_constant():
    assert set(learning_rates("constant", 0.5, 100, np.arange(100))) == {0.5}
