import pytest

from mnistdash.recipes import RECIPES, Published


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipe_is_whole(recipe):
    assert (recipe.epochs is None) != (recipe.steps is None), "either epochs or steps"
    assert recipe.summary.endswith(".")
    assert recipe.learning_rate > 0


def test_the_published_settings_are_kept():
    """What makes the figures comparable to their authors'."""
    settings = {
        name: (r.optimizer, r.learning_rate, r.batch_size, r.epochs, r.steps, r.trains_on_validation)
        for name, r in RECIPES.items()
    }
    assert settings["softmax"] == ("sgd", 0.5, 100, None, 1_000, False)
    assert settings["softmax-naive"] == ("sgd", 0.01, 100, None, 1_000, False)
    assert settings["tutorial-cnn"] == ("sgd", 0.001, 100, None, 20_000, False)
    assert settings["dropout-cnn"] == ("adam", 0.001, 128, 10, None, False)
    assert settings["keras-cnn"] == ("adadelta", 1.0, 128, 12, None, True)


def test_published_figures_read_as_a_person_would_write_them():
    assert str(Published(0.9919, loss=0.0265)) == "99.19%, loss 0.0265"
    assert str(Published(0.9188, accuracy_high=0.9194)) == "91.88 to 91.94%"
