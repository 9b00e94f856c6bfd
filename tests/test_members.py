from dataclasses import replace

import keras
import numpy as np
import pytest

from mnistdash import configs
from mnistdash.fitting import members, networks, training
from mnistdash.fitting.reporter import Plan
from mnistdash.recipes import RECIPES

IMAGES = 16


def trained(models, monkeypatch, memory: int, precision: str) -> tuple[list[dict], keras.Model, keras.Model]:
    """What each of three steps reports, the network and the model that trained it, with so much memory to be had."""
    monkeypatch.setattr(training, "available_memory", lambda: memory)
    # Neither dropout nor augmentation: they would draw other numbers in another order.
    recipe = RECIPES["flagship"]
    config = configs.configure(recipe, models, dropout=0.0, augmentation=False, batch_size=IMAGES)
    config = replace(config, precision=precision)
    keras.utils.set_random_seed(1)
    network, model = training.compiled(config, config.adjusted(recipe), Plan(100, 1))
    random = np.random.default_rng(0)
    inputs = {
        "pixels": random.integers(0, 256, (IMAGES, 28, 28)).astype(np.uint8),
        "strength": np.zeros(IMAGES, np.float32),
    }
    labels = random.integers(0, 11, IMAGES).astype(np.uint8)
    logs = [model.train_on_batch(inputs, labels, return_dict=True) for _ in range(3)]
    return logs, network, model


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_one_by_one_they_learn_what_they_learn_together(tmp_path, monkeypatch, precision):
    logs, network, together = trained(tmp_path, monkeypatch, training.ROOMY, precision)
    same_logs, same, one_by_one = trained(tmp_path, monkeypatch, training.ROOMY - 1, precision)
    assert not isinstance(together, members.OneByOne)
    assert isinstance(one_by_one, members.OneByOne)
    close = {"rtol": 1e-3, "atol": 1e-4} if precision == "float32" else {"rtol": 0.1, "atol": 0.05}
    for one, other in zip(logs, same_logs, strict=True):
        assert np.isclose(one["loss"], other["loss"], **close)
        assert abs(one["accuracy"] - other["accuracy"]) < 0.1
    for one, other in zip(network.get_weights(), same.get_weights(), strict=True):
        assert np.allclose(one, other, **close)
    assert logs[-1]["loss"] < logs[0]["loss"]


def test_a_network_that_does_not_vote_is_trained_as_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "available_memory", lambda: 0)
    recipe = RECIPES["softmax"]
    network, model = training.compiled(configs.configure(recipe, tmp_path), recipe, Plan(100, 1))
    assert not members.votes(network)
    assert type(model) is type(networks.for_training(network, recipe, 0))
    assert not isinstance(model, members.OneByOne)
