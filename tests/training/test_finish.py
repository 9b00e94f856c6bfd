import shutil

import numpy as np
import pytest

from mnistdash.exceptions import TrainingError
from mnistdash.inference.model import load_model
from mnistdash.jobs import conversions
from mnistdash.runs import store
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import Run
from mnistdash.settings import PROJECT
from mnistdash.training import finish, networks


@pytest.fixture
def stored(models) -> Run:
    """A run of an earlier version, whose model has no output `features`."""
    folder = shutil.copytree(PROJECT / "tests" / "fixtures" / "stored-softmax", models / "stored-softmax")
    return store.load_run(folder)


def test_stored_run_is_exported_again_with_features(stored, models, sample):
    before = load_model(stored.name, models)
    finish.export_again(stored)
    after = load_model(stored.name, models)
    probabilities, features = after.predict_with_features(sample.test.images)
    assert (before.has_features, after.has_features) == (False, True)
    assert np.allclose(probabilities, before(sample.test.images), atol=1e-6)
    assert features.shape == (300, 784)
    card = store.load_run(stored.folder).card
    assert card.bytes != stored.card.bytes
    assert card.test_accuracy == stored.card.test_accuracy
    assert [path.name for path in models.iterdir()] == [stored.name]


@pytest.mark.slow
def test_stored_run_is_exported_again_by_a_child_process(stored, models):
    conversions.export_again(stored)
    assert load_model(stored.name, models).has_features


def test_damaged_model_is_not_exported_again(stored):
    (stored.folder / "model.keras").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match=r"stored-softmax/model\.keras is missing or damaged"):
        finish.export_again(stored)


def test_stored_run_continues_from_its_weights_file_or_its_model(stored):
    from_file, from_model = (networks.build(RECIPES["softmax"]) for _ in range(2))
    finish.load_start_weights(from_file, stored.folder)
    (stored.folder / "weights.npz").unlink()
    finish.load_start_weights(from_model, stored.folder)
    kernel = from_file.get_weights()[0]
    assert kernel.any()
    assert np.array_equal(from_model.get_weights()[0], kernel)
