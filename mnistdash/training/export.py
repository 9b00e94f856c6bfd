"""What is done to a network once it is trained: temperature and export."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from mnistdash.data.dataset import Split
from mnistdash.runs.recipes import Recipe
from mnistdash.runs.run import KERAS, TFLITE
from mnistdash.runs.weights import WEIGHTS
from mnistdash.system.atomic import atomic_path
from mnistdash.training import networks
from mnistdash.training.dataset import TrainingSet

BATCH = 125  # images; more were not read faster, and need more memory than training with the usual batches does


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """What `networks.for_export` makes of logits.

    Args:
        logits: (n, 10), or (n, 11) where the last stands for "not a digit".
        temperature: the digits' logits are divided by it.

    Returns:
        (n, 10) float64.
    """
    logits = logits.astype(np.float64)
    shares = softmax(logits[:, : networks.DIGITS] / temperature, axis=1)
    if logits.shape[1] == networks.DIGITS:
        return shares
    is_digit = 1 - softmax(logits, axis=1)[:, networks.NOT_A_DIGIT :]
    return is_digit * shares + (1 - is_digit) / networks.DIGITS


class Reader:
    """Reads digits with a model that is being fitted, which leaves them as they are outside of training.

    `Model.predict` would build a graph of as many batches as there are steps at once.
    """

    def __init__(self, model: keras.Model):
        inputs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()}
        # AutoGraph has nothing to convert, and writes files, which a full disk cannot take.
        self._read = tf.function(partial(model, training=False), input_signature=[inputs], autograph=False)

    def __call__(self, given: TrainingSet) -> np.ndarray:
        """(n, 10) or (n, 11) float32 logits."""
        return np.concatenate([self._read(inputs) for inputs, _ in given.batches(BATCH)])


def temperature(network: keras.Model, recipe: Recipe, validation: Split) -> float:
    """The temperature for `for_export`: fitted where a recipe asks for it and the validation split is unseen."""
    if not recipe.refuses:
        return 1.0
    return recipe.temperature if recipe.trains_on_validation else fit_temperature(network, validation)


def fit_temperature(network: keras.Model, split: Split) -> float:
    """The temperature that makes a network's confidence fit how often it is right.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017.

    Args:
        network: (n, 28, 28) float32 in [0, 1] -> (n, 11) logits.
        split: that it was not trained on.

    Returns:
        The temperature for `networks.for_export`, between 0.2 and 5, with which the mean
        cross-entropy over the split is smallest.
    """
    from scipy.optimize import minimize_scalar  # 20 MB that few recipes need

    images = split.images.astype(np.float32) / 255
    logits = network.predict(images, batch_size=BATCH, verbose=0)

    def loss(logarithm: float) -> float:
        true = probabilities(logits, math.exp(logarithm))[np.arange(len(logits)), split.labels]
        return -float(np.log(true).mean())

    return math.exp(minimize_scalar(loss, bounds=(math.log(0.2), math.log(5)), method="bounded").x)


def export_model(network: keras.Model, folder: Path, temperature: float = 1.0, quantised: bool = False) -> None:
    """Write model.keras and model.tflite, as `networks.for_export` makes them.

    Args:
        network: as `networks.for_export` takes it.
        folder: to write to.
        temperature: as `networks.for_export` takes it.
        quantised: whether large weights are written to model.tflite in 8 bits, each channel with a scale of its own.
            What goes into their layers is then rounded to 8 bits too, with a scale for each image; all else stays
            float32. Source: TensorFlow's "Post-training dynamic range quantization".
    """
    model = networks.for_export(network, temperature)
    options = {"optimizations": [tf.lite.Optimize.DEFAULT]} if quantised else {}
    with atomic_path(folder / KERAS) as path:
        model.save(path)
    with atomic_path(folder / TFLITE) as path:
        model.export(str(path), format="litert", verbose=False, **options)


def save_weights(weights: Sequence[np.ndarray], folder: Path) -> None:
    """Write a run's weights, in the order of `get_weights`, as `backups.read_weights` reads them."""
    with atomic_path(folder / WEIGHTS) as path:
        np.savez(path, **{str(number): np.asarray(array, np.float32) for number, array in enumerate(weights)})


def trained_weights(keras_file: Path) -> list[np.ndarray]:
    """The weights of the network inside a model.keras, as `Model.set_weights` takes them."""
    model = keras.models.load_model(keras_file)
    return next(layer for layer in model.layers if isinstance(layer, keras.Model)).get_weights()


def export_saved_model(keras_file: Path, out: Path) -> None:
    """Write a model.keras as a TensorFlow SavedModel folder."""
    keras.models.load_model(keras_file).export(str(out), format="tf_saved_model", verbose=False)
