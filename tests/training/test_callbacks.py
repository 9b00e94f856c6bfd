import pytest

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.training.callbacks import StepPlan


@pytest.mark.parametrize(
    ("recipe", "examples", "settings", "at_once"),
    [
        ("softmax", 55_000, {}, 10),
        ("softmax", 55_000, {"epochs": 2}, 10),
        ("softmax", 1_297, {"epochs": 2}, 1),
        ("softmax", 1_200, {"epochs": 2}, 6),
        ("softmax", 5_500, {}, 5),
        ("keras-cnn", 60_000, {}, 7),
        ("keras-cnn", 60_000, {"batch_size": 4_096}, 1),
        ("flagship", 97_280, {}, 1),
    ],
)
def test_steps_per_execution_divide_the_epochs_and_the_run(models, recipe, examples, settings, at_once):
    """Otherwise Keras trains extra steps; slow networks also need few steps to report often."""
    config = configure(RECIPES[recipe], models, **settings)
    plan = StepPlan.from_config(config, examples)
    assert plan.at_once == at_once
    assert plan.steps % at_once == plan.steps_per_epoch % at_once == 0


def test_the_last_epoch_of_a_run_limited_by_steps_may_be_shorter(models):
    plan = StepPlan.from_config(configure(RECIPES["softmax"], models), 55_000)
    assert (plan.steps, plan.steps_per_epoch, plan.epochs) == (1_000, 550, 2)
