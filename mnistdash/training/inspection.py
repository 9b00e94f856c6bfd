"""The inside of a network: weights of its first layer and activations of its layers."""

import math

import keras
import numpy as np
from keras import layers, ops

from mnistdash.runs.snapshots import CHANNELS, NetworkView

UNITS_PER_ROW = 32  # in the picture of a layer without spatial axes
SHOWN_LAYERS = (layers.ReLU, layers.MaxPooling2D, layers.Dense, layers.Conv2D)


class Inspector:
    """Takes snapshots of a network during training.

    Args:
        network: a model of `networks.build`.
        images: (10, 28, 28) float32 in [0, 1], one of each digit.
    """

    def __init__(self, network: keras.Model, images: np.ndarray):
        self._images = images
        branch = _first_branch(network)
        self._first = next(layer for layer in branch if isinstance(layer, layers.Conv2D | layers.Dense))
        shown = [layer for layer in branch if _is_shown(layer)]
        self._names = [_describe(layer) for layer in shown]
        self._model = keras.Model(network.input, [layer.output for layer in shown]) if shown else None

    def snapshot(self) -> NetworkView:
        """Return the weights and activations of the network in its present state."""
        kernel = ops.convert_to_numpy(self._first.kernel)
        # The kernel of a dense layer on pixels is an image for each unit, too.
        filters = kernel[:, :, 0, :] if kernel.ndim == 4 else kernel.reshape(28, 28, -1)
        outputs = keras.tree.flatten(self._model(self._images)) if self._model else []
        maps = [_to_pictures(ops.convert_to_numpy(ops.cast(output, "float32"))) for output in outputs]
        return NetworkView(np.moveaxis(filters, -1, 0), list(zip(self._names, maps, strict=True)))


def _first_branch(network: keras.Model) -> list[keras.Layer]:
    """Return the layers from the input to the output, along the first input of each; in a mixture, one expert's."""
    branch = [network.output._keras_history.operation]
    while not isinstance(branch[0], layers.InputLayer):
        inputs = branch[0].input
        tensor = inputs[0] if isinstance(inputs, list) else inputs
        branch.insert(0, tensor._keras_history.operation)
    return branch


def _is_shown(layer: keras.Layer) -> bool:
    # A linear convolution is followed by its activation layer, and the last layer computes logits.
    is_linear = getattr(layer, "activation", None) is keras.activations.linear
    return isinstance(layer, SHOWN_LAYERS) and not is_linear


def _describe(layer: keras.Layer) -> str:
    _, *sides, channels = layer.output.shape
    size = "×".join(map(str, sides))
    if isinstance(layer, layers.MaxPooling2D):
        return f"Pooling, {channels} channels of {size}"
    if isinstance(layer, layers.Dense):
        return f"Dense, {channels} units"
    return f"Convolution, {channels} channels of {size}"


def _to_pictures(output: np.ndarray) -> np.ndarray:
    """Convert (10, height, width, channels) or (10, units) activations to (10, channels, height, width) uint8."""
    count = len(output)
    if output.ndim == 2 or output.shape[1:3] == (1, 1):
        units = output.reshape(count, -1)
        rows = math.ceil(units.shape[1] / UNITS_PER_ROW)
        units = np.pad(units, ((0, 0), (0, rows * UNITS_PER_ROW - units.shape[1])))
        output = units.reshape(count, rows, UNITS_PER_ROW, 1)
    maps = np.moveaxis(np.maximum(output[..., :CHANNELS], 0), -1, 1)
    largest = maps.max(axis=(1, 2, 3), keepdims=True)
    return np.asarray(np.round(255 * maps / np.maximum(largest, 1e-9)), np.uint8)
