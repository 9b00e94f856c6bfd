import re

import pytest

from mnistdash.runs import store
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import PROJECT


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipe_is_complete(recipe):
    assert (recipe.epochs is None) != (recipe.steps is None), "either epochs or steps"
    assert recipe.summary.endswith(".")
    assert recipe.learning_rate > 0


def test_the_settings_are_the_published_ones():
    """Other settings would make the results incomparable."""
    settings = {
        name: (r.optimizer, r.learning_rate, r.batch_size, r.epochs, r.steps, r.trains_on_validation)
        for name, r in RECIPES.items()
    }
    assert settings["softmax"] == ("sgd", 0.5, 100, None, 1_000, False)
    assert settings["softmax-naive"] == ("sgd", 0.01, 100, None, 1_000, False)
    assert settings["tutorial-cnn"] == ("sgd", 0.001, 100, None, 20_000, False)
    assert settings["dropout-cnn"] == ("adam", 0.001, 128, 10, None, False)
    assert settings["keras-cnn"] == ("adadelta", 1.0, 128, 12, None, True)


@pytest.mark.parametrize("name", ["softmax", "tutorial-cnn", "keras-cnn"])
def test_the_measured_accuracy_is_the_published_one(name):
    """Within 0.4 percentage points of the author's figure."""
    assert RECIPES[name].measured == pytest.approx(RECIPES[name].published.accuracy, abs=0.004)


def test_a_recipe_states_the_accuracy_to_expect():
    assert RECIPES["keras-cnn"].reaches == "Published test accuracy: 99.19%, loss 0.0265; measured: 99.16%."
    assert RECIPES["dropout-cnn"].reaches == "Measured test accuracy: 98.18%."


def test_the_documents_state_the_accuracy_of_the_shipped_model():
    """It continues a run of the recipe on all 60,000 images; the recipe states the accuracy of that run."""
    shipped = store.load_trained_run("flagship", PROJECT / "models")
    assert (shipped.config.recipe, shipped.card.validation_seen) == ("flagship", True)
    assert shipped.card.test_accuracy >= 0.9975
    for document in ("README.md", "CHANGELOG.md", "benchmarks/README.md"):
        told = (PROJECT / document).read_text()
        assert re.search(f"{100 * shipped.card.test_accuracy:.2f} ?%", told), document
