from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_mixture

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.training import loop, losses, networks, optimizers
from mnistdash.training.callbacks import StepPlan
from mnistdash.training.mixture import MixtureModel, _indices_filled_to_batch, expert_outputs

IMAGES = 16


@pytest.fixture(autouse=True)
def few_layers(monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "flagship", tiny_mixture.mixture)


def batch(written: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return inputs and labels; so many images are original MNIST digits."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (IMAGES, 28, 28)).astype(np.uint8)
    labels = random.integers(0, 11, IMAGES).astype(np.uint8)
    return {"pixels": pixels, "written": np.arange(IMAGES) < written}, labels


def train(models, precision: str = "float32", steps: int = 3) -> tuple[list[dict], keras.Model, keras.Model]:
    """Return the metrics of each step, the network and the model that trained it."""
    # Without dropout and augmentation, training can be repeated with separate models.
    recipe = RECIPES["flagship"]
    config = configure(recipe, models, dropout=0.0, augmentation=False, batch_size=IMAGES)
    config = replace(config, precision=precision)
    keras.utils.set_random_seed(1)
    network, model = loop.compiled(config, config.effective_recipe(recipe), StepPlan(100, 1))
    if precision == "float16":
        model.optimizer.dynamic_scale.assign(2.0**20)  # overflows: the optimizer skips the first steps
    inputs, labels = batch(written=IMAGES // 2)
    logs = [model.train_on_batch(inputs, labels, return_dict=True) for _ in range(steps)]
    return logs, network, model


@pytest.mark.slow
def test_each_expert_learns_from_its_own_images(tmp_path):
    """It ends with the weights that Keras' own training step gives it on these images."""
    logs, network, _ = train(tmp_path)
    assert logs[-1]["loss"] < logs[0]["loss"]
    _, fresh, _ = train(tmp_path, steps=0)
    config = configure(RECIPES["flagship"], tmp_path)
    inputs, labels = batch(written=IMAGES // 2)
    images, written = inputs["pixels"].astype(np.float32) / 255, inputs["written"]
    examples = {
        "drawn": (images, labels, losses.mixture_cross_entropy),
        "written": (images[written], labels[written], losses.mixture_cross_entropy),
        "gate": (images, written.astype(np.float32), keras.losses.BinaryCrossentropy(from_logits=True)),
    }
    for name, outputs in expert_outputs(fresh).items():
        for number, output in enumerate(outputs):
            separate = keras.Model(fresh.input, output)
            x, y, loss = examples[name]
            separate.compile(optimizers.build(RECIPES["flagship"], config, 100), loss, run_eagerly=True)
            for _ in range(3):
                separate.train_on_batch(x, y)
            same = keras.Model(network.input, expert_outputs(network)[name][number])
            for expected, weights in zip(separate.get_weights(), same.get_weights(), strict=True):
                assert np.allclose(weights, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_float16_skips_steps_that_overflow(tmp_path):
    logs, _, _ = train(tmp_path, "float16", steps=8)
    assert logs[3]["loss"] == logs[0]["loss"]
    assert logs[-1]["loss"] < logs[0]["loss"]


@pytest.mark.parametrize(
    ("written", "chosen"),
    [([0, 1, 1, 0, 1, 1], [1, 2, 4, 5, 1, 2]), ([0, 0, 1], [2, 2, 2]), ([0, 0], [0, 1]), ([1], [0])],
)
def test_original_digits_are_repeated_to_fill_the_batch(written, chosen):
    assert _indices_filled_to_batch(tf.constant(np.array(written, bool))).numpy().tolist() == chosen


def test_batches_of_one_kind_leave_every_weight_finite(tmp_path):
    _, network, model = train(tmp_path, steps=0)
    model.run_eagerly = True  # spares the tracing
    for written in (0, 1, IMAGES):
        inputs, labels = batch(written)
        assert np.isfinite(model.train_on_batch(inputs, labels, return_dict=True)["loss"])
        assert all(np.isfinite(weight).all() for weight in network.get_weights())


def test_other_networks_are_trained_by_keras(tmp_path):
    recipe = RECIPES["softmax"]
    network, model = loop.compiled(configure(recipe, tmp_path), recipe, StepPlan(100, 1))
    assert not expert_outputs(network)
    assert not isinstance(model, MixtureModel)
