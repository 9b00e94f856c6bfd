"""Mixture of experts with one convolution each, which builds and traces much faster than the flagship."""

import keras
import pytest
from keras import layers

from mnistdash.runs.recipes import RECIPES
from mnistdash.training import networks
from mnistdash.training.mixture import GATE


def mixture(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Return (n, 11) logits of a tiny mixture, for `networks.NETWORKS`."""

    def expert(name: str, outputs: int = 11) -> keras.KerasTensor:
        features = layers.Conv2D(16, 7, strides=3, use_bias=False)(x)
        features = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(features))
        logits = layers.Dense(outputs, dtype="float32")(layers.Flatten()(features))
        return layers.Activation("linear" if name == GATE else "log_softmax", dtype="float32", name=name)(logits)

    drawn, *written = (expert(name) for name in ("drawn", "written_0", "written_1"))
    return drawn + keras.ops.sigmoid(expert(GATE, 1)) * (layers.Average()(written) - drawn)


def build(name: str) -> keras.Model:
    """Build a recipe's network, with the tiny mixture instead of the flagship."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(networks.NETWORKS, "flagship", mixture)
        return networks.build(RECIPES[name])
