import numpy as np
import pytest
import tensorflow as tf

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.schedules import SCHEDULES, learning_rates
from mnistdash.training import optimizers


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_training_uses_the_learning_rates_in_the_chart(models, schedule, steps):
    """The chart on Train and the optimizer agree at every step, even inside a graph."""
    config = configure(RECIPES["softmax"], models, schedule=schedule, learning_rate=0.1)
    optimizer = optimizers.build(config.effective_recipe(RECIPES["softmax"]), config, steps)
    learning_rate = tf.function(lambda: tf.convert_to_tensor(optimizer.learning_rate))
    at = np.unique(np.linspace(0, steps, 50).astype(int))
    used = []
    for step in at:
        optimizer.iterations.assign(step)
        used.append(float(learning_rate()))
    assert learning_rates(schedule, 0.1, steps, at) == pytest.approx(used, rel=1e-6)


def test_a_very_long_run_shares_learning_rates_between_steps(monkeypatch):
    monkeypatch.setattr(optimizers, "MAX_TABLE_SIZE", 100)
    schedule = optimizers.TableSchedule("one-cycle", 1.0, 1_000)
    for step in (0, 50, 200, 600, 999, 1_000):
        expected = learning_rates("one-cycle", 1.0, 1_000, np.array([step]))[0]
        assert float(schedule(step)) == pytest.approx(expected, abs=0.06)
