import numpy as np
import pytest

from mnistdash.runs import schedules
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.schedules import SCHEDULES, learning_rates
from mnistdash.training import optimizers


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_what_is_drawn_is_what_is_trained_with(models, schedule, steps):
    config = configure(RECIPES["softmax"], models, schedule=schedule, learning_rate=0.1)
    optimizer = optimizers.build(config.effective_recipe(RECIPES["softmax"]), config, steps)
    at = np.unique(np.linspace(0, steps, 50).astype(int))
    expected = []
    for step in at:
        optimizer.iterations.assign(step)
        expected.append(float(optimizer.learning_rate))
    assert learning_rates(schedule, 0.1, steps, at) == pytest.approx(expected, abs=1e-6)


def test_a_constant_rate_is_constant():
    assert set(learning_rates("constant", 0.5, 100, np.arange(100))) == {0.5}


def test_one_cycle_goes_straight_up_and_straight_down():
    rise = schedules.warmup("one-cycle", 100)
    assert rise == 20
    rates = learning_rates("one-cycle", 1.0, 100, np.array([0, 10, 20, 60, 100]))
    assert rates.tolist() == [0, 0.5, 1, 0.5, 0]
