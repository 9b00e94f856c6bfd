"""Keras networks of the recipes.

Every network maps (n, 28, 28) float32 images in [0, 1], 1 = ink, to (n, 10) logits, or to (n, 11) logits if it
rejects non-digits: the last class is "not a digit". `for_training` puts augmentation in front of a network, and
`export` puts a softmax behind it.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from keras import layers, ops

from mnistdash.runs.recipes import Recipe
from mnistdash.training.augmentation import RandomHandwriting
from mnistdash.training.mixture import GATE, MixtureModel, expert_outputs

IMAGE_SHAPE = (28, 28)
DIGITS = 10
NOT_A_DIGIT = DIGITS  # label and logit index of the eleventh class
WRITTEN_EXPERTS = 2  # flagship experts for original MNIST digits
# Augmentation for original MNIST digits: affine only, and at full strength for every image.
MILD = {"degrees": 15.0, "scale": 0.12, "shear": 0.2, "shift": 4.0, "bend": 0.0, "elastic": 0.0, "least": 1.0}
MILD |= dict.fromkeys(("thinner", "thicker", "softer", "harder"), 0.0)

Tensor: TypeAlias = keras.KerasTensor


def softmax_regression(x: Tensor, dropout: float) -> Tensor:
    """Softmax regression. Source: TensorFlow tutorial "MNIST For ML Beginners"."""
    return layers.Dense(DIGITS, kernel_initializer="zeros")(layers.Flatten()(x))


def softmax_regression_normal(x: Tensor, dropout: float) -> Tensor:
    """Softmax regression with weights drawn from N(0, 1)."""
    return layers.Dense(DIGITS, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0))(layers.Flatten()(x))


def dropout_cnn(x: Tensor, dropout: float) -> Tensor:
    """`tutorial_cnn` with weights and biases drawn from N(0, 1)."""
    normal = keras.initializers.RandomNormal(stddev=1.0)
    # A shared initializer object would give every layer the same values.
    return tutorial_cnn(x, dropout, lambda: {"kernel_initializer": normal.clone(), "bias_initializer": normal.clone()})


def tutorial_cnn(x: Tensor, dropout: float, initializers: Callable[[], dict[str, Any]] = dict) -> Tensor:
    """Two 5x5 convolutions and a wide dense layer. Source: TensorFlow tutorial "A Guide to TF Layers"."""
    for filters in (32, 64):
        x = layers.Conv2D(filters, 5, padding="same", activation="relu", **initializers())(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Dense(1024, activation="relu", **initializers())(layers.Flatten()(x))
    return layers.Dense(DIGITS, **initializers())(layers.Dropout(dropout)(x))


def keras_cnn(x: Tensor, dropout: float) -> Tensor:
    """Two 3x3 convolutions: 1,199,882 parameters. Source: keras-team/keras, examples/mnist_cnn.py, 2018."""
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Dropout(dropout / 2)(layers.MaxPooling2D(2)(x))
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return layers.Dense(DIGITS)(layers.Dropout(dropout)(x))


def express(x: Tensor, dropout: float) -> Tensor:
    """A small CNN that pools early and normalizes small tensors only: 42,666 parameters."""
    x = layers.MaxPooling2D(2)(layers.Conv2D(16, 5, activation="relu")(x))
    x = layers.MaxPooling2D(2)(layers.Conv2D(40, 3, use_bias=False)(x))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return layers.Dense(DIGITS)(layers.Flatten()(_conv(x, 80, 3)))


def flagship(x: Tensor, dropout: float) -> Tensor:
    """Mixture of experts: one for drawings, two averaged for original MNIST digits, and a gate that weights them.

    Scanned MNIST strokes swell and merge, so the best prediction depends on where an image comes from: a 1 with a
    flag is often a 7 in MNIST. The gate infers the source. Only the expert for drawings predicts "not a digit".

    Returns:
        (n, 11) logits: means of log probabilities, weighted by the gate.
    """
    drawn = _expert(x, (32, 96, 192), dropout / 2, "drawn")
    votes = [_expert(x, (32, 64, 128), dropout, f"written_{number}") for number in range(WRITTEN_EXPERTS)]
    written = layers.Average(dtype="float32")(votes)
    share = ops.sigmoid(_gate(x))
    digits, other = drawn[:, :DIGITS], drawn[:, DIGITS:]
    change = ops.log_softmax(written[:, :DIGITS]) - ops.log_softmax(digits)
    return ops.concatenate([digits + share * change, other], axis=1)


def _expert(x: Tensor, filters: tuple[int, int, int], dropout: float, name: str) -> Tensor:
    """CNN with strided convolutions instead of pooling: (n, 28, 28, 1) -> (n, 11) log probabilities.

    Source: the layout that C. Deotte describes in "25 Million Images! [0.99757] MNIST" (Kaggle, 2018).
    """
    for count in filters[:2]:
        x = _conv(x, count, 3)
        x = _conv(x, count, 3)
        x = _conv(x, count, 5, strides=2, padding="same")
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(_conv(x, filters[2], 4))
    x = layers.Dense(DIGITS + 1)(layers.Dropout(dropout)(x))
    return layers.Activation("log_softmax", dtype="float32", name=name)(x)


def _gate(x: Tensor) -> Tensor:
    """CNN with global pooling that detects original MNIST strokes: (n, 28, 28, 1) -> (n, 1) logits."""
    for filters, strides in ((16, 1), (16, 2), (32, 1)):
        x = _conv(x, filters, 3, strides=strides, padding="same")
    return layers.Dense(1, dtype="float32", name=GATE)(layers.GlobalAveragePooling2D()(x))


def _conv(x: Tensor, filters: int, size: int, **options: Any) -> Tensor:
    x = layers.Conv2D(filters, size, use_bias=False, **options)(x)
    # With the default momentum of 0.99, moving averages lag behind in runs of a few hundred steps.
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


# ((n, 28, 28, 1) images, dropout rate) -> (n, 10) or (n, 11) logits
NETWORKS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "softmax": softmax_regression,
    "softmax-naive": softmax_regression_normal,
    "tutorial-cnn": tutorial_cnn,
    "dropout-cnn": dropout_cnn,
    "keras-cnn": keras_cnn,
    "express": express,
    "flagship": flagship,
}


def build(recipe: Recipe, precision: str = "float32") -> keras.Model:
    """Build a recipe's network with fresh weights.

    Args:
        recipe: names the network and its dropout rate.
        precision: "float32", "bfloat16" or "float16"; weights and logits are float32 in any case.

    Returns:
        A functional model, (n, 28, 28) float32 in [0, 1] -> (n, 10) or (n, 11) float32 logits.
    """
    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}[precision]
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        images = keras.Input(IMAGE_SHAPE, dtype="float32", name="images")
        logits = NETWORKS[recipe.name](layers.Reshape((*IMAGE_SHAPE, 1))(images), recipe.dropout or 0.0)
        logits = layers.Activation("linear", dtype="float32", name="logits")(logits)
    finally:
        keras.config.set_dtype_policy(previous)
    return keras.Model(images, logits, name=recipe.name.replace("-", "_"))


def for_training(network: keras.Model, recipe: Recipe, seed: int) -> keras.Model:
    """Put the conversion from uint8 and the recipe's augmentation in front of a network.

    Args:
        network: the network to train; the result shares its weights.
        recipe: the recipe of this network.
        seed: seed of the augmentation.

    Returns:
        A model with two inputs: "pixels", (n, 28, 28) uint8, and "written", (n,) bool, True for original MNIST
        digits (used by mixtures only). Its output is (n, 10) or (n, 11) float32 logits.
    """
    inputs = {
        "pixels": keras.Input(IMAGE_SHAPE, dtype="uint8", name="pixels"),
        "written": keras.Input((), dtype="bool", name="written"),
    }
    images = layers.Rescaling(1 / 255, dtype="float32")(inputs["pixels"])
    augment = RandomHandwriting(seed=seed, dtype="float32")
    if expert_outputs(network):
        augment_written = RandomHandwriting(**MILD, seed=seed + 1, dtype="float32")
        return MixtureModel(inputs, images, network, (augment, augment_written) if recipe.augmentation else None)
    return keras.Model(inputs, network(augment(images) if recipe.augmentation else images))


def penultimate_features(network: keras.Model) -> Tensor:
    """Return the (n, k) input of a network's last dense layer; of several experts, concatenated."""
    inputs = [layer.input for layer in network.layers if getattr(layer, "units", None) in (DIGITS, DIGITS + 1)]
    return inputs[0] if len(inputs) == 1 else layers.Concatenate(name="features")(inputs)
