import numpy as np
import pytest

from mnistdash.exceptions import TrainingError
from mnistdash.inference.model import load_model
from mnistdash.jobs import conversions
from mnistdash.runs import store
from mnistdash.runs.recipes import RECIPES
from mnistdash.training import finish, networks


def test_stored_run_is_exported_again_with_features(old_run, models, sample):
    before = load_model(old_run.name, models)
    finish.export_again(old_run)
    after = load_model(old_run.name, models)
    probabilities, features = after.predict_with_features(sample.test.images)
    assert (before.has_features, after.has_features) == (False, True)
    assert np.allclose(probabilities, before(sample.test.images), atol=1e-6)
    assert features.shape == (300, 784)
    card = store.load_run(old_run.folder).card
    assert card.bytes != old_run.card.bytes
    assert card.test_accuracy == old_run.card.test_accuracy
    assert [path.name for path in models.iterdir()] == [old_run.name]


@pytest.mark.slow
def test_stored_run_is_exported_again_by_a_child_process(old_run, models):
    conversions.export_again(old_run)
    assert load_model(old_run.name, models).has_features


def test_damaged_model_is_not_exported_again(old_run):
    (old_run.folder / "model.keras").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match=r"old-softmax/model\.keras is missing or damaged"):
        finish.export_again(old_run)


def test_stored_run_continues_from_its_weights_file_or_model(old_run):
    from_file, from_model = (networks.build(RECIPES["softmax"]) for _ in range(2))
    finish.load_start_weights(from_file, old_run.folder)
    (old_run.folder / "weights.npz").unlink()
    finish.load_start_weights(from_model, old_run.folder)
    kernel = from_file.get_weights()[0]
    assert kernel.any()
    assert np.array_equal(from_model.get_weights()[0], kernel)
