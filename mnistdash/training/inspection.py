"""Looks inside a network: the weights of its first layer, and how each layer answers to a digit."""

import math

import keras
import numpy as np
from keras import layers, ops

from mnistdash.runs.snapshots import CHANNELS, LayerActivations, NetworkView

ROW = 32  # units in a row of the picture of a layer without places
SHOWN = (layers.ReLU, layers.MaxPooling2D, layers.Dense, layers.Conv2D)


class Inspector:
    """What `snapshots` keeps of a network that is being trained.

    Args:
        network: as `networks.build` makes it.
        images: (10, 28, 28) float32 in [0, 1], one of each digit.
    """

    def __init__(self, network: keras.Model, images: np.ndarray):
        self._images = images
        branch = _first_branch(network)
        self._first = next(layer for layer in branch if isinstance(layer, layers.Conv2D | layers.Dense))
        shown = [layer for layer in branch if _is_shown(layer)]
        self._names = [_name(layer) for layer in shown]
        self._model = keras.Model(network.input, [layer.output for layer in shown]) if shown else None

    def now(self) -> NetworkView:
        """With the weights that the network has now."""
        kernel = ops.convert_to_numpy(self._first.kernel)
        # A dense layer on pixels has a weight for each: also a picture.
        filters = kernel[:, :, 0, :] if kernel.ndim == 4 else kernel.reshape(28, 28, -1)
        outputs = self._model(self._images) if self._model else []
        maps = [_pictures(ops.convert_to_numpy(ops.cast(output, "float32"))) for output in outputs]
        shown = [LayerActivations(name, picture) for name, picture in zip(self._names, maps, strict=True)]
        return NetworkView(np.moveaxis(filters, -1, 0), shown)


def _first_branch(network: keras.Model) -> list[keras.Layer]:
    """The layers on the way to the output; of a network with members, those of the first."""
    branch = []
    tensor = network.output
    while True:
        layer = tensor._keras_history.operation
        branch.insert(0, layer)
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        if isinstance(layer, layers.InputLayer):
            return branch
        tensor = inputs[0]


def _is_shown(layer: keras.Layer) -> bool:
    if not isinstance(layer, SHOWN):
        return False
    # A convolution without its activation is followed by a layer of its own; the last layer's logits are no features.
    return not isinstance(layer, layers.Conv2D | layers.Dense) or layer.activation is not keras.activations.linear


def _name(layer: keras.Layer) -> str:
    _, *places, channels = layer.output.shape
    size = "×".join(map(str, places))
    if isinstance(layer, layers.MaxPooling2D):
        return f"Pooling, {channels} channels of {size}"
    if isinstance(layer, layers.Dense):
        return f"Dense, {channels} units"
    return f"Convolution, {channels} channels of {size}"


def _pictures(output: np.ndarray) -> np.ndarray:
    """(10, height, width, channels) or (10, units) activations -> (10, channels, height, width) uint8."""
    count = len(output)
    if output.ndim == 2 or output.shape[1:3] == (1, 1):
        units = output.reshape(count, -1)
        rows = math.ceil(units.shape[1] / ROW)
        units = np.pad(units, ((0, 0), (0, rows * ROW - units.shape[1])))
        output = units.reshape(count, rows, ROW, 1)
    maps = np.moveaxis(np.maximum(output[..., :CHANNELS], 0), -1, 1)
    largest = maps.max(axis=(1, 2, 3), keepdims=True)
    return np.round(255 * maps / np.maximum(largest, 1e-9)).astype(np.uint8)
