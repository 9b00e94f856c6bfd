from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.training import loop, losses, networks, optimizers
from mnistdash.training.callbacks import StepPlan
from mnistdash.training.mixture import GATE, MixtureModel, _repeated, expert_outputs

IMAGES = 16


@pytest.fixture(autouse=True)
def few_layers(monkeypatch):
    """The flagship's members with a convolution each, as each layer of its own takes long to be traced."""
    monkeypatch.setitem(networks.NETWORKS, "flagship", mixture)


def mixture(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    def member(name: str, outputs: int = 11) -> keras.KerasTensor:
        seen = layers.Conv2D(16, 7, strides=3, use_bias=False)(x)
        seen = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(seen))
        said = layers.Dense(outputs, dtype="float32")(layers.Flatten()(seen))
        return layers.Activation("linear" if name == GATE else "log_softmax", dtype="float32", name=name)(said)

    drawn, *written = (member(name) for name in ("drawn", "written_0", "written_1"))
    return drawn + keras.ops.sigmoid(member(GATE, 1)) * (layers.Average()(written) - drawn)


def batch(written: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Inputs and labels, of which so many are of MNIST's own."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (IMAGES, 28, 28)).astype(np.uint8)
    labels = random.integers(0, 11, IMAGES).astype(np.uint8)
    return {"pixels": pixels, "written": np.arange(IMAGES) < written}, labels


def trained(
    models, monkeypatch, memory: int, precision: str = "float32", steps: int = 3
) -> tuple[list[dict], keras.Model, keras.Model]:
    """What each step reports, the network and the model that trained it, with so much memory to be had."""
    monkeypatch.setattr(loop, "available_memory", lambda: memory)
    # Neither dropout nor augmentation: they would draw other numbers in another order.
    recipe = RECIPES["flagship"]
    config = configure(recipe, models, dropout=0.0, augmentation=False, batch_size=IMAGES)
    config = replace(config, precision=precision)
    keras.utils.set_random_seed(1)
    network, model = loop.compiled(config, config.effective_recipe(recipe), StepPlan(100, 1))
    if precision == "float16":
        model.optimizer.dynamic_scale.assign(2.0**20)  # more than fits: the first steps are left out, until it does
    inputs, labels = batch(written=IMAGES // 2)
    logs = [model.train_on_batch(inputs, labels, return_dict=True) for _ in range(steps)]
    return logs, network, model


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_one_by_one_they_learn_what_they_learn_together(tmp_path, monkeypatch, precision):
    steps = 4 if precision == "float32" else 8
    logs, network, together = trained(tmp_path, monkeypatch, loop.ROOMY, precision, steps=steps)
    same_logs, same, one_by_one = trained(tmp_path, monkeypatch, loop.ROOMY - 1, precision, steps=steps)
    assert (together._one_by_one, one_by_one._one_by_one) == (False, True)
    close = {"rtol": 1e-3, "atol": 1e-4} if precision == "float32" else {"rtol": 0.1, "atol": 0.05}
    for one, other in zip(logs, same_logs, strict=True):
        assert np.isclose(one["loss"], other["loss"], **close)
        assert abs(one["accuracy"] - other["accuracy"]) < 0.1
    for one, other in zip(network.get_weights(), same.get_weights(), strict=True):
        assert np.allclose(one, other, **close)
    assert logs[-1]["loss"] < logs[0]["loss"]
    assert (logs[3]["loss"] == logs[0]["loss"]) == (precision == "float16"), "steps that do not fit are left out"


def test_each_member_learns_from_the_images_that_it_is_for(tmp_path, monkeypatch):
    """Beside each of them trained alone, with Keras' own step, on these images."""
    _, network, _ = trained(tmp_path, monkeypatch, loop.ROOMY)
    _, fresh, _ = trained(tmp_path, monkeypatch, loop.ROOMY, steps=0)
    config = configure(RECIPES["flagship"], tmp_path)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, 28, 28)).astype(np.float32) / 255
    labels = random.integers(0, 11, IMAGES).astype(np.uint8)
    is_written = np.arange(IMAGES) < IMAGES // 2
    lessons = {
        "drawn": (images, labels, losses.MixtureCrossEntropy()),
        "written": (images[is_written], labels[is_written], losses.MixtureCrossEntropy()),
        "gate": (images, is_written.astype(np.float32), keras.losses.BinaryCrossentropy(from_logits=True)),
    }
    for name, outputs in expert_outputs(fresh).items():
        for number, output in enumerate(outputs):
            alone = keras.Model(fresh.input, output)
            given, wanted, loss = lessons[name]
            alone.compile(optimizers.build(RECIPES["flagship"], config, 100), loss, jit_compile=False)
            for _ in range(3):
                alone.train_on_batch(given, wanted)
            same = keras.Model(network.input, expert_outputs(network)[name][number])
            for one, other in zip(alone.get_weights(), same.get_weights(), strict=True):
                assert np.allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("written", "chosen"),
    [([0, 1, 1, 0, 1, 1], [1, 2, 4, 5, 1, 2]), ([0, 0, 1], [2, 2, 2]), ([0, 0], [0, 1]), ([1], [0])],
)
def test_what_is_written_fills_a_batch_for_those_who_read_it(written, chosen):
    assert _repeated(tf.constant(np.array(written, bool))).numpy().tolist() == chosen


def test_batches_of_one_kind_leave_every_weight_a_number(tmp_path, monkeypatch):
    _, network, model = trained(tmp_path, monkeypatch, loop.ROOMY, steps=0)
    for written in (0, 1, IMAGES):
        inputs, labels = batch(written)
        assert np.isfinite(model.train_on_batch(inputs, labels, return_dict=True)["loss"])
        assert all(np.isfinite(weight).all() for weight in network.get_weights())


def test_a_step_is_traced_once(tmp_path, monkeypatch):
    """Twice would take twice the time and memory before the first step."""
    _, _, model = trained(tmp_path, monkeypatch, loop.ROOMY, steps=0)
    step, calls = model.train_step, []
    model.train_step = lambda data: calls.append(1) or step(data)
    inputs, labels = batch(IMAGES // 2)
    model.fit(inputs, labels, batch_size=IMAGES // 2, epochs=2, verbose=0)
    assert len(calls) == 1


def test_a_network_without_members_is_trained_as_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "available_memory", lambda: 0)
    recipe = RECIPES["softmax"]
    network, model = loop.compiled(configure(recipe, tmp_path), recipe, StepPlan(100, 1))
    assert not expert_outputs(network)
    assert not isinstance(model, MixtureModel)
