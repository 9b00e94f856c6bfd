import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax, softmax

from mnistdash.runs.recipes import RECIPES
from mnistdash.training import mixture, networks

PARAMETERS = {
    "softmax": 784 * 10 + 10,
    "softmax-naive": 784 * 10 + 10,
    "tutorial-cnn": 3_274_634,
    "dropout-cnn": 3_274_634,
    "keras-cnn": 1_199_882,
    "express": 42_666,
    "flagship": 1_336_690,
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_shape_type_and_size(name, precision):
    network = networks.build(RECIPES[name], precision)
    assert network.count_params() == PARAMETERS[name]
    logits = network(np.zeros((3, 28, 28), np.float32))
    assert tuple(logits.shape) == (3, 11 if RECIPES[name].refuses else 10)
    assert str(logits.dtype) in ("float32", "<dtype: 'float32'>")
    assert all(weight.dtype == "float32" for weight in network.weights)


def test_the_wide_networks_have_the_tutorials_layers():
    shapes = [tuple(weight.shape) for weight in networks.build(RECIPES["tutorial-cnn"]).weights]
    assert shapes == [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (7 * 7 * 64, 1024), (1024,), (1024, 10), (10,)]


def test_softmax_starts_at_zero_and_its_first_form_does_not():
    assert not any(weight.any() for weight in networks.build(RECIPES["softmax"]).get_weights())
    kernel, _ = networks.build(RECIPES["softmax-naive"]).get_weights()
    assert abs(kernel.std() - 1) < 0.05


def test_every_weight_and_bias_of_dropout_cnn_is_drawn_from_n_0_1_on_its_own():
    weights = networks.build(RECIPES["dropout-cnn"]).get_weights()
    large = [weight for weight in weights if weight.size > 500]
    assert all(abs(weight.std() - 1) < 0.1 and abs(weight.mean()) < 0.1 for weight in large)
    assert all(weight.any() for weight in weights), "biases are drawn, too"
    firsts = [weight.ravel()[:10].tolist() for weight in weights]
    assert len({tuple(first) for first in firsts}) == len(firsts), "no two layers draw the same numbers"


def test_training_takes_bytes_and_export_gives_probabilities():
    network = networks.build(RECIPES["keras-cnn"])
    pixels = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
    model = networks.for_training(network, RECIPES["keras-cnn"], 0)
    logits = ops.convert_to_numpy(model({"pixels": pixels, "written": np.ones(4, bool)}))
    probabilities = ops.convert_to_numpy(networks.for_export(network)(pixels.astype(np.float32) / 255))
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    assert np.allclose(probabilities, exponentials / exponentials.sum(1, keepdims=True), atol=1e-5)


def test_a_network_that_refuses_has_one_logit_more_and_says_how_likely_it_is_a_digit():
    network = networks.build(RECIPES["flagship"])
    images = np.random.default_rng(0).random((4, 28, 28), np.float32)
    logits = ops.convert_to_numpy(network(images))
    made = {name: ops.convert_to_numpy(value) for name, value in networks.for_export(network, 2.0)(images).items()}
    assert logits.shape == (4, 11)
    shares = softmax(logits, axis=1)
    assert np.allclose(made["is_digit"][:, 0], 1 - shares[:, networks.NOT_A_DIGIT], atol=1e-5)
    expected = made["is_digit"] * softmax(logits[:, :10] / 2, axis=1) + (1 - made["is_digit"]) / 10
    assert np.allclose(made["probabilities"], expected, atol=1e-5)
    assert np.allclose(made["probabilities"].sum(1), 1, atol=1e-5)


def what_members_say(network: keras.Model, images: np.ndarray) -> dict[str, list[np.ndarray]]:
    def said(output: keras.KerasTensor) -> np.ndarray:
        return ops.convert_to_numpy(keras.Model(network.input, output)(images))

    return {name: [said(output) for output in outputs] for name, outputs in mixture.expert_outputs(network).items()}


def test_a_gate_weighs_what_the_flagships_members_say():
    network = networks.build(RECIPES["flagship"])
    images = np.random.default_rng(2).random((3, 28, 28), np.float32)
    said = what_members_say(network, images)
    assert {name: len(outputs) for name, outputs in said.items()} == {
        "drawn": 1,
        "written": networks.WRITTEN,
        "gate": 1,
    }
    assert all(np.allclose(np.exp(vote).sum(1), 1, atol=1e-5) for vote in (*said["drawn"], *said["written"]))
    assert not np.allclose(*said["written"])
    drawn, written, gate = said["drawn"][0], np.mean(said["written"], axis=0), said["gate"][0]
    logits = ops.convert_to_numpy(network(images))
    share = 1 / (1 + np.exp(-gate))
    digits = [log_softmax(votes[:, :10], axis=1) for votes in (drawn, written)]
    assert np.allclose(
        log_softmax(logits[:, :10], 1), log_softmax((1 - share) * digits[0] + share * digits[1], 1), atol=1e-5
    )
    assert np.allclose(logits[:, 10], drawn[:, 10], atol=1e-5), "what is no digit is told by the one for drawings"


@pytest.mark.parametrize(("bias", "reader"), [(-100.0, "drawn"), (100.0, "written")])
def test_where_the_gate_is_certain_only_those_that_the_image_is_for_are_heard(bias, reader):
    network = networks.build(RECIPES["flagship"])
    network.get_layer(mixture.GATE).bias.assign([bias])
    images = np.random.default_rng(2).random((3, 28, 28), np.float32)
    expected = np.mean(what_members_say(network, images)[reader], axis=0)
    found = ops.convert_to_numpy(network(images))
    assert np.allclose(softmax(found[:, :10], axis=1), softmax(expected[:, :10], axis=1), atol=1e-5)
