import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny_mixture
from ai_edge_litert.interpreter import Interpreter
from scipy.special import log_softmax, softmax

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import PROJECT
from mnistdash.training import export, networks
from mnistdash.training.finish import finish

IMAGES = np.random.default_rng(0).random((7, 28, 28), np.float32)
TEMPERATURE = 2.0


class Overconfident:
    """Network whose logits are five times too large."""

    def __init__(self, labels: np.ndarray):
        random = np.random.default_rng(0)
        logits = random.normal(0, 1, (len(labels), 11)).astype(np.float32)
        logits[np.arange(len(labels)), labels] += 1.5
        logits[:, networks.NOT_A_DIGIT] = -50
        self.logits = 5 * logits

    def predict(self, images, **_):
        return self.logits


@pytest.fixture(scope="module", params=["softmax", "mixture", "mixture in 8 bits"])
def exported(request, tmp_path_factory) -> tuple[keras.Model, Path]:
    """Return a network with random weights, and the folder of its exported files."""
    folder = tmp_path_factory.mktemp("exported")
    network = tiny_mixture.build("softmax" if request.param == "softmax" else "flagship")
    random = np.random.default_rng(1)
    network.set_weights([random.normal(0, 0.2, weight.shape) ** 2 for weight in network.get_weights()])
    export.export_model(network, folder, TEMPERATURE, quantized="8 bits" in request.param)
    return network, folder


def tflite_outputs(folder: Path) -> tuple[list[np.ndarray], dict[str, int], list[dict]]:
    """Return the outputs for IMAGES in file order, their indices by name, and their details."""
    interpreter = Interpreter(str(folder / "model.tflite"))
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], IMAGES.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGES)
    interpreter.invoke()
    details = interpreter.get_output_details()
    by_name = interpreter.get_signature_runner().get_output_details()
    names = {name: output["index"] for name, output in by_name.items()}
    return [interpreter.get_tensor(output["index"]) for output in details], names, details


def expected_outputs(network: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of each digit, (n, 10), and of any digit, (n, 1)."""
    logits = keras.ops.convert_to_numpy(network(IMAGES))
    digits = softmax(logits[:, :10] / TEMPERATURE, axis=1)
    is_digit = 1 - softmax(logits, axis=1)[:, 10:] if logits.shape[1] == 11 else np.ones((len(IMAGES), 1))
    return is_digit * digits + (1 - is_digit) / 10, is_digit


def test_tflite_outputs_are_named_and_in_order(exported):
    network, folder = exported
    (probabilities, is_digit, features), names, details = tflite_outputs(folder)
    assert [output["index"] for output in details] == [names[name] for name in export.OUTPUTS]
    expected, expected_is_digit = expected_outputs(network)
    assert np.abs(probabilities - expected).max() < 0.02, "quantization rounds"
    assert (probabilities.argmax(1) == expected.argmax(1)).all()
    assert is_digit.shape == (7, 1)
    assert np.abs(is_digit - expected_is_digit).max() < 0.02
    assert (is_digit == 1).all() == (network.output_shape[1] == 10)
    assert features.shape == (7, 784 if network.output_shape[1] == 10 else 3 * 1024)


def test_usual_litert_snippet_predicts_the_digit(exported):
    network, folder = exported
    interpreter = Interpreter(str(folder / "model.tflite"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], IMAGES[:1])
    interpreter.invoke()
    digit = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).argmax()
    assert digit == expected_outputs(network)[0][0].argmax()


def test_keras_file_outputs_probabilities_and_keeps_the_network(exported):
    network, folder = exported
    model = keras.saving.load_model(folder / "model.keras")
    assert np.allclose(model.predict(IMAGES, verbose=0), expected_outputs(network)[0], atol=1e-5)
    loaded, temperature = export.load_network(folder / "model.keras")
    assert temperature == pytest.approx(TEMPERATURE)
    assert all(map(np.array_equal, loaded.get_weights(), network.get_weights()))


def test_probabilities_from_logits_match_the_exported_model(exported):
    network, _ = exported
    logits = keras.ops.convert_to_numpy(network(IMAGES))
    assert np.allclose(export.probabilities(logits, TEMPERATURE), expected_outputs(network)[0], atol=1e-6)


@pytest.mark.slow
def test_saved_model_has_the_same_outputs(exported, tmp_path):
    import tensorflow as tf

    network, folder = exported
    export.export_saved_model(folder / "model.keras", tmp_path / "saved")
    model = tf.saved_model.load(str(tmp_path / "saved"))
    outputs = model.serve(IMAGES)
    assert set(outputs) == set(export.OUTPUTS)
    for name, expected in zip(export.OUTPUTS, expected_outputs(network), strict=False):
        assert np.allclose(outputs[name], expected, atol=1e-5)


USE_KERAS_FILES = """
import sys, warnings
warnings.simplefilter("error")
import keras, numpy as np
random = np.random.default_rng(0)
images, labels = random.random((8, 28, 28), np.float32), random.integers(0, 10, 8)
for path in sys.argv[1:]:
    model = keras.saving.load_model(path)
    for x in (images, images[..., None], images):
        assert model.predict(x, verbose=0).argmax(1).shape == (8,), path
        assert len(model.evaluate(x, labels, verbose=0)) == 2, path
    before = model.get_weights()
    history = model.fit(images, labels, verbose=0).history
    assert history.keys() == {"loss", "accuracy"}, path
    assert np.isfinite(history["loss"]).all(), path
    assert not all(map(np.array_equal, before, model.get_weights())), path
    model.fit(images[..., None], labels, verbose=0)
assert "mnistdash" not in sys.modules
"""


@pytest.mark.slow
def test_keras_file_works_elsewhere_for_every_recipe(built, tmp_path):
    """Load it without this package or a warning, and predict images of either rank."""
    paths = [PROJECT / "models" / "flagship" / "model.keras"]
    for name in RECIPES:
        network = tiny_mixture.build(name) if name == "flagship" else built(name)
        paths.append(tmp_path / f"{name}.keras")
        export.keras_model(network).save(paths[-1])
    environment = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", USE_KERAS_FILES, *map(str, paths)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "UserWarning" not in done.stderr


def test_keras_file_has_no_optimizer_state(tmp_path, built):
    network = built("express")
    export.keras_model(network).save(tmp_path / "compiled.keras")
    network.save(tmp_path / "network.keras")
    size = (tmp_path / "compiled.keras").stat().st_size
    assert size < (tmp_path / "network.keras").stat().st_size + 20_000, "Adam's state adds 340,000"


def test_temperature_improves_the_loss(sample):
    labels = sample.validation.labels
    network = Overconfident(labels)
    temperature = export.fit_temperature(network, sample.validation)
    assert 3 < temperature < 5.01

    def loss(divisor: float) -> float:
        return -log_softmax(network.logits[:, :10] / divisor, axis=1)[np.arange(len(labels)), labels].mean()

    assert loss(temperature) < min(loss(1.0), loss(0.8 * temperature))


@pytest.mark.parametrize(
    ("recipe", "seen", "expected"), [("flagship", False, None), ("flagship", True, 1.18), ("express", False, 1.0)]
)
def test_temperature_is_not_fitted_to_training_digits(models, sample, monkeypatch, recipe, seen, expected):
    network, used = Overconfident(sample.validation.labels), []

    def stop(network: object, folder: Path, temperature: float, quantized: bool) -> None:
        used.append(temperature)
        raise InterruptedError

    monkeypatch.setattr(export, "export_model", stop)
    config = configure(RECIPES[recipe], models, trains_on_validation=seen)
    with pytest.raises(InterruptedError):
        finish(network, config, models, sample, "finished", 1, 1.0)
    assert used == [expected or export.fit_temperature(network, sample.validation)]
