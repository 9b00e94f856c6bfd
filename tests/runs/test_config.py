from dataclasses import replace

import pytest

from mnistdash.exceptions import RunError
from mnistdash.runs import store
from mnistdash.runs.config import MAX_SEED, OVERRIDABLE, configure, conflict, resume_config
from mnistdash.runs.recipes import RECIPES


def test_settings_default_to_the_recipe(models):
    config = configure(RECIPES["keras-cnn"], models)
    assert (config.name, config.epochs, config.batch_size, config.learning_rate) == ("keras-cnn-1", 12, 128, 1.0)
    config = configure(RECIPES["softmax"], models)
    assert (config.epochs, config.steps) == (None, 1_000)


def test_settings_override_the_recipe(models):
    recipe = RECIPES["flagship"]
    assert configure(recipe, models).effective_recipe(recipe) == recipe
    own = {"schedule": "constant", "optimizer": "sgd", "augmentation": False, "dropout": 0.0}
    own["trains_on_validation"] = True
    assert set(own) == set(OVERRIDABLE)
    config = configure(recipe, models, **own)
    assert config.effective_recipe(recipe) == replace(recipe, **own)
    assert resume_config(config, models).effective_recipe(recipe) == replace(recipe, **own)


def test_a_continued_run_keeps_all_other_settings(models):
    config = configure(
        RECIPES["keras-cnn"], models, name="mine", learning_rate=0.5, seed=MAX_SEED, limit=99, batch_size=9
    )
    following = resume_config(config, models)
    assert (following.name, following.start, following.epochs, following.batch_size) == ("mine-1", "mine", 12, 9)
    assert (following.learning_rate, following.seed, following.limit) == (0.25, 0, 99)
    following = resume_config(config, models, name="more", epochs=2, learning_rate=0.1, seed=7, batch_size=8)
    assert (following.name, following.start, following.epochs, following.batch_size) == ("more", "mine", 2, 8)
    assert (following.learning_rate, following.seed, following.limit) == (0.1, 7, 99)
    with pytest.raises(RunError, match="Epochs must be at least 1, not 0"):
        resume_config(config, models, epochs=0)


def test_a_continued_run_remembers_training_on_validation_images(models):
    config = configure(RECIPES["softmax"], models, trains_on_validation=True)
    following = resume_config(config, models, trains_on_validation=False, limit=99)
    assert following.sees_validation(55_000)
    assert resume_config(following, models).sees_validation(55_000)
    fresh = configure(RECIPES["softmax"], models)
    assert not resume_config(fresh, models).sees_validation(55_000)


def test_an_unset_setting_is_that_of_the_recipe(models):
    config = configure(RECIPES["keras-cnn"], models)
    assert config.setting("trains_on_validation")
    assert config.sees_validation(55_000)
    assert replace(config, limit=55_001).sees_validation(55_000)
    assert not replace(config, limit=55_000).sees_validation(55_000), "validation images follow the training images"
    assert not configure(RECIPES["keras-cnn"], models, trains_on_validation=False).setting("trains_on_validation")
    assert replace(config, trains_on_validation=None).setting("trains_on_validation"), (
        "runs of earlier versions lack it"
    )
    assert replace(config, recipe="gone", trains_on_validation=None).setting("trains_on_validation") is None


def test_epochs_replace_the_steps_of_the_recipe(models):
    config = configure(RECIPES["softmax"], models, epochs=3, batch_size=7, learning_rate=0.1, seed=4, limit=99)
    assert (config.epochs, config.steps, config.batch_size, config.learning_rate) == (3, None, 7, 0.1)
    assert (config.seed, config.limit) == (4, 99)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": -1},
        {"limit": 0},
        {"learning_rate": 0.0},
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"seed": -1},
        {"dropout": -0.1},
        {"dropout": 0.95},
        {"schedule": "linear"},
        {"optimizer": "lion"},
        {"name": ""},
        {"name": "../elsewhere"},
        {"name": "Überraschung"},
        {"name": ".hidden"},
        {"name": "x" * 65},
    ],
    ids=str,
)
def test_invalid_settings_are_refused_in_one_sentence(models, wrong):
    with pytest.raises(RunError) as caught:
        configure(RECIPES["keras-cnn"], models, **wrong)
    assert "\n" not in str(caught.value)
    assert str(caught.value)[-1] == "."


def test_names_are_numbered_and_never_reused(models):
    for number in (1, 2, 3):
        config = configure(RECIPES["softmax"], models)
        assert config.name == f"softmax-{number}"
        store.create_run(config, models)
    with pytest.raises(RunError, match="There is a run named softmax-2 already"):
        configure(RECIPES["softmax"], models, name="softmax-2")
    with pytest.raises(RunError, match="There is a run named softmax-3 already"):
        store.create_run(config, models)


def test_dropout_needs_a_dropout_layer(models):
    with pytest.raises(RunError, match="softmax has no dropout layer"):
        configure(RECIPES["softmax"], models, dropout=0.5)
    assert configure(RECIPES["softmax"], models).dropout is None
    assert configure(RECIPES["keras-cnn"], models).dropout == 0.5


def test_a_batch_larger_than_the_training_set_is_refused(models):
    config = configure(RECIPES["keras-cnn"], models, batch_size=200, limit=100)
    assert "A batch of 200 is more than the 100 training images" in conflict(config, 60_000)
    assert "more than the 150 training images" in conflict(replace(config, limit=None), 150)
    assert conflict(replace(config, limit=200), 60_000) is None
    assert conflict(replace(config, limit=None), 200) is None
