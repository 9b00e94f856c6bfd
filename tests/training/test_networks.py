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
FEATURES = {
    "softmax": 784,
    "softmax-naive": 784,
    "tutorial-cnn": 1024,
    "dropout-cnn": 1024,
    "keras-cnn": 128,
    "express": 720,
    "flagship": 192 + 128 + 128,
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "flagship" else name for name in RECIPES]
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_shape_type_and_size(built, name, precision):
    network = built(name, precision)
    assert network.count_params() == PARAMETERS[name]
    logits = network(np.zeros((3, 28, 28), np.float32))
    assert tuple(logits.shape) == (3, 11 if RECIPES[name].rejects_non_digits else 10)
    assert str(logits.dtype) in ("float32", "<dtype: 'float32'>")
    assert all(weight.dtype == "float32" for weight in network.weights)
    assert networks.penultimate_features(network).shape == (None, FEATURES[name])


def test_features_are_the_input_of_the_last_layer(built):
    network = built("keras-cnn")
    images = np.random.default_rng(0).random((4, 28, 28), np.float32)
    features, logits = keras.Model(network.input, [networks.penultimate_features(network), network.output])(images)
    kernel, bias = network.get_weights()[-2:]
    assert np.allclose(ops.convert_to_numpy(features) @ kernel + bias, logits, atol=1e-5)


def test_wide_networks_have_the_layers_of_the_tutorial(built):
    shapes = [tuple(weight.shape) for weight in built("tutorial-cnn").weights]
    assert shapes == [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (7 * 7 * 64, 1024), (1024,), (1024, 10), (10,)]


def test_softmax_starts_at_zero_and_its_naive_form_does_not(built):
    assert not any(weight.any() for weight in built("softmax").get_weights())
    kernel, _ = built("softmax-naive").get_weights()
    assert abs(kernel.std() - 1) < 0.05


def test_dropout_cnn_draws_every_weight_and_bias_from_its_own_n_0_1(built):
    weights = built("dropout-cnn").get_weights()
    large = [weight for weight in weights if weight.size > 500]
    assert all(abs(weight.std() - 1) < 0.1 and abs(weight.mean()) < 0.1 for weight in large)
    assert all(weight.any() for weight in weights), "biases are random, too"
    firsts = [weight.ravel()[:10].tolist() for weight in weights]
    assert len({tuple(first) for first in firsts}) == len(firsts), "no two layers have the same values"


def test_training_model_takes_bytes(built):
    network = built("keras-cnn")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
    model = networks.for_training(network, RECIPES["keras-cnn"], 0)
    logits = model({"pixels": pixels, "written": np.ones(4, bool)})
    assert np.allclose(logits, network(pixels.astype(np.float32) / 255), atol=1e-5)


def expert_predictions(network: keras.Model, images: np.ndarray) -> dict[str, list[np.ndarray]]:
    outputs = mixture.expert_outputs(network)
    predictions = keras.Model(network.input, outputs)(images)
    return {name: [ops.convert_to_numpy(values) for values in predictions[name]] for name in outputs}


@pytest.mark.slow
def test_gate_weights_the_experts_of_the_flagship(built):
    network = built("flagship")
    images = np.random.default_rng(2).random((3, 28, 28), np.float32)
    predictions = expert_predictions(network, images)
    counts = {name: len(outputs) for name, outputs in predictions.items()}
    assert counts == {"drawn": 1, "written": networks.WRITTEN_EXPERTS, "gate": 1}
    experts = (*predictions["drawn"], *predictions["written"])
    assert all(np.allclose(np.exp(logits).sum(1), 1, atol=1e-5) for logits in experts)
    assert not np.allclose(*predictions["written"])
    drawn, written, gate = predictions["drawn"][0], np.mean(predictions["written"], axis=0), predictions["gate"][0]
    logits = ops.convert_to_numpy(network(images))
    share = 1 / (1 + np.exp(-gate))
    digits = [log_softmax(values[:, :10], axis=1) for values in (drawn, written)]
    expected = log_softmax((1 - share) * digits[0] + share * digits[1], 1)
    assert np.allclose(log_softmax(logits[:, :10], 1), expected, atol=1e-5)
    assert np.allclose(logits[:, 10], drawn[:, 10], atol=1e-5), "only the expert for drawings predicts non-digits"


@pytest.mark.slow
@pytest.mark.parametrize(("bias", "expert"), [(-100.0, "drawn"), (100.0, "written")])
def test_certain_gate_leaves_one_kind_of_expert(built, bias, expert):
    network = built("flagship")
    gate = network.get_layer(mixture.GATE)
    previous = gate.bias.numpy()
    gate.bias.assign([bias])
    try:
        images = np.random.default_rng(2).random((3, 28, 28), np.float32)
        expected = np.mean(expert_predictions(network, images)[expert], axis=0)
        logits = ops.convert_to_numpy(network(images))
    finally:
        gate.bias.assign(previous)
    assert np.allclose(softmax(logits[:, :10], axis=1), softmax(expected[:, :10], axis=1), atol=1e-5)
