"""Temperature scaling and export of trained networks."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from keras import layers
from scipy.special import softmax

from mnistdash.data.dataset import Split
from mnistdash.runs.run import KERAS, TFLITE
from mnistdash.runs.weights import WEIGHTS
from mnistdash.system.atomic import atomic_path
from mnistdash.training import networks
from mnistdash.training.dataset import TrainingSet

OUTPUTS = ("probabilities", "is_digit", "features")  # of .tflite files and SavedModels, in this order
BATCH = 125  # images; larger batches are not faster, and need more memory than training does


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Convert logits to the probabilities of an exported model.

    Args:
        logits: (n, 10), or (n, 11) if the last class is "not a digit".
        temperature: divisor of the digits' logits.

    Returns:
        (n, 10) float64.
    """
    logits = logits.astype(np.float64)
    digits = softmax(logits[:, : networks.DIGITS] / temperature, axis=1)
    if logits.shape[1] == networks.DIGITS:
        return np.asarray(digits)
    is_digit = 1 - softmax(logits, axis=1)[:, networks.NOT_A_DIGIT :]
    return np.asarray(is_digit * digits + (1 - is_digit) / networks.DIGITS)


def logit_predictor(model: keras.Model) -> Callable[[TrainingSet], np.ndarray]:
    """Return a function that predicts (n, 10) or (n, 11) float32 logits, for a model that is being trained.

    `Model.predict` would build a graph of as many batches as there are steps per execution.
    """
    inputs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()}
    # AutoGraph writes temporary files, which fails on a full disk.
    predict = tf.function(partial(model, training=False), input_signature=[inputs], autograph=False)
    return lambda examples: np.concatenate([predict(batch) for batch, _ in examples.batches(BATCH)])


def fit_temperature(network: keras.Model, split: Split) -> float:
    """Fit the temperature that calibrates a network's confidence.

    Args:
        network: (n, 28, 28) float32 in [0, 1] -> (n, 11) logits.
        split: digits that the network was not trained on.

    Returns:
        The temperature between 0.2 and 5 with the lowest mean cross-entropy over the split.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017.
    """
    from scipy.optimize import minimize_scalar  # 20 MB that few recipes need

    images = split.images.astype(np.float32) / 255
    logits = network.predict(images, batch_size=BATCH, verbose=0)

    def loss(log_temperature: float) -> float:
        true = probabilities(logits, math.exp(log_temperature))[np.arange(len(logits)), split.labels]
        return -float(np.log(true).mean())

    return math.exp(minimize_scalar(loss, bounds=(math.log(0.2), math.log(5)), method="bounded").x)


def keras_model(network: keras.Model, temperature: float = 1.0) -> keras.Model:
    """Build the model of a .keras file: compiled, with probabilities as its only output.

    Args:
        network: (n, 28, 28) -> (n, 10) or (n, 11) logits.
        temperature: divisor of the digits' logits.

    Returns:
        A model, (n, 28, 28) or (n, 28, 28, 1) float32 in [0, 1] -> (n, 10) float32.
    """
    images = keras.Input(networks.IMAGE_SHAPE, dtype="float32", name="images")
    model = keras.Model(images, _outputs(network(images), temperature)[0], name=network.name)
    model.compile(
        "sgd",  # has no state to save, and a loaded model does not warn that it is missing
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,  # a compiled function takes images of rank 3 or of rank 4, but not both
    )
    return model


def serving_model(network: keras.Model, temperature: float = 1.0) -> keras.Model:
    """Build the model of .tflite files and SavedModels.

    Args:
        network: (n, 28, 28) -> (n, 10) or (n, 11) logits.
        temperature: divisor of the digits' logits.

    Returns:
        A model, (n, 28, 28) float32 in [0, 1] -> a dictionary of float32 outputs:
            probabilities: (n, 10); the less likely a digit, the closer to uniform.
            is_digit: (n, 1) probability of a digit; 1 for networks with 10 logits.
            features: (n, k) penultimate-layer features.
    """
    images = keras.Input(networks.IMAGE_SHAPE, dtype="float32", name="images")
    network = keras.Model(network.input, [network.output, networks.penultimate_features(network)], name=network.name)
    logits, features = network(images)
    outputs = (*_outputs(logits, temperature), layers.Identity(name="features")(features))
    return keras.Model(images, dict(zip(OUTPUTS, outputs, strict=True)), name=network.name)


def _outputs(logits: keras.KerasTensor, temperature: float) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the tensors `probabilities` and `is_digit`."""
    scale = layers.Rescaling(1 / temperature, name="temperature")
    if logits.shape[1] == networks.DIGITS:
        probabilities = layers.Softmax(name="probabilities")(scale(logits))
        return probabilities, layers.Rescaling(0.0, 1.0, name="is_digit")(probabilities[:, :1])
    digits = layers.Softmax(name="digits")(scale(logits[:, : networks.DIGITS]))
    classes = layers.Softmax(name="classes")(logits)
    is_digit = layers.Rescaling(-1.0, 1.0, name="is_digit")(classes[:, networks.NOT_A_DIGIT :])
    mixed = is_digit * digits + (1 - is_digit) / networks.DIGITS
    return layers.Identity(name="probabilities")(mixed), is_digit


def export_model(network: keras.Model, folder: Path, temperature: float = 1.0, quantized: bool = False) -> None:
    """Write model.keras and model.tflite to a folder.

    Args:
        network: (n, 28, 28) -> (n, 10) or (n, 11) logits.
        folder: destination.
        temperature: divisor of the digits' logits.
        quantized: store large weights of model.tflite in 8 bits with one scale per channel, and round the inputs of
            their layers to 8 bits with one scale per image. Source: TensorFlow's "Post-training dynamic range
            quantization".
    """
    options = {"optimizations": [tf.lite.Optimize.DEFAULT]} if quantized else {}
    with atomic_path(folder / KERAS) as path:
        keras_model(network, temperature).save(path)
    with atomic_path(folder / TFLITE) as path:
        serving_model(network, temperature).export(str(path), format="litert", verbose=False, **options)
        _sort_outputs(path)


def _sort_outputs(path: Path) -> None:
    """Put the outputs of a .tflite file into the order of OUTPUTS; the converter shuffles them."""
    content = bytearray(path.read_bytes())
    model = schema.Model.GetRootAs(content, 0)
    signature = model.SignatureDefs(0)
    outputs = (signature.Outputs(number) for number in range(signature.OutputsLength()))
    indices = {output.Name().decode(): output.TensorIndex() for output in outputs}
    model.Subgraphs(0).OutputsAsNumpy()[:] = [indices[name] for name in OUTPUTS]  # a view of `content`
    path.write_bytes(content)


def save_weights(weights: Sequence[np.ndarray], folder: Path) -> None:
    """Write weights in the order of `get_weights` to the file that `runs.weights.load_weights` loads."""
    with atomic_path(folder / WEIGHTS) as path:
        arrays: dict[str, Any] = {str(number): np.asarray(array, np.float32) for number, array in enumerate(weights)}
        np.savez(path, **arrays)


def load_network(keras_file: Path) -> tuple[keras.Model, float]:
    """Load the network inside a model.keras, of this or an earlier version, and its temperature."""
    model = keras.saving.load_model(keras_file)
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    scaling = next(layer for layer in model.layers if isinstance(layer, layers.Rescaling) and layer.name != "is_digit")
    return network, 1 / scaling.scale


def export_saved_model(keras_file: Path, folder: Path) -> None:
    """Write the model of a model.keras as a TensorFlow SavedModel."""
    serving_model(*load_network(keras_file)).export(str(folder), format="tf_saved_model", verbose=False)
