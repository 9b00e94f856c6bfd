"""Builds Keras models from recipes.

Every network maps (n, 28, 28) float32 in [0, 1], 1 = ink, to (n, 10) logits, or (n, 11) where the
last stands for "not a digit". What is exported ends in a softmax; what is trained begins with the
conversion from uint8 and the augmentation, so that neither is part of the exported model's contract.
"""

from collections.abc import Callable

import keras
from keras import layers, ops

from mnistdash.runs.recipes import Recipe
from mnistdash.training.augmentation import RandomHandwriting
from mnistdash.training.mixture import GATE, MixtureModel, expert_outputs

IMAGE_SHAPE = (28, 28)
DIGITS = 10
NOT_A_DIGIT = DIGITS  # the label, and the logit, of everything else
WRITTEN = 2  # members of the flagship that read MNIST's own digits
# What suits these: no other pens and no bent lines, but every digit is turned, scaled, sheared and shifted.
MILD = {"degrees": 15.0, "scale": 0.12, "shear": 0.2, "shift": 4.0, "bend": 0.0, "elastic": 0.0, "least": 1.0}
MILD |= dict.fromkeys(("thinner", "thicker", "softer", "harder"), 0.0)


def softmax_regression(x: keras.KerasTensor, dropout: float, kernel_initializer="zeros") -> keras.KerasTensor:
    """One dense layer. Source: TensorFlow tutorial "MNIST For ML Beginners"."""
    return layers.Dense(DIGITS, kernel_initializer=kernel_initializer)(layers.Flatten()(x))


def tutorial_cnn(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """Two 5x5 convolutions, a wide dense layer. Source: TensorFlow tutorial "A Guide to TF Layers"."""
    return _wide_cnn(x, dropout)


def dropout_cnn(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """The same layers, every weight and bias from N(0, 1)."""
    normal = keras.initializers.RandomNormal(stddev=1.0)
    # One initializer object would give every layer the same values: clone it for each.
    return _wide_cnn(x, dropout, normal.clone)


def _wide_cnn(x, dropout: float, initializer: Callable | None = None) -> keras.KerasTensor:
    def init() -> dict:
        return {} if initializer is None else {"kernel_initializer": initializer(), "bias_initializer": initializer()}

    for filters in (32, 64):
        x = layers.Conv2D(filters, 5, padding="same", activation="relu", **init())(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Dense(1024, activation="relu", **init())(layers.Flatten()(x))
    return layers.Dense(DIGITS, **init())(layers.Dropout(dropout)(x))


def keras_cnn(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """1,199,882 weights. Source: keras-team/keras, examples/mnist_cnn.py, 2018."""
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Dropout(dropout / 2)(layers.MaxPooling2D(2)(x))
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return layers.Dense(DIGITS)(layers.Dropout(dropout)(x))


def express(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """42,666 weights, our own: it pools early, and normalises only what is small by then."""
    x = layers.MaxPooling2D(2)(layers.Conv2D(16, 5, activation="relu")(x))
    x = layers.MaxPooling2D(2)(layers.Conv2D(40, 3, use_bias=False)(x))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return layers.Dense(DIGITS)(layers.Flatten()(_conv(x, 80, 3)))


def flagship(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    """A mixture of experts: one reads what is drawn with a pen, two that vote MNIST's own digits; a gate weighs them.

    MNIST's strokes were scanned: they swell and run together, and a flagged 1 looks like a 7 there. What is right for
    them is wrong for a canvas, but which of the two an image comes from can be seen. What is not a digit is told by the
    one that knows drawings.

    Returns:
        (n, 11) logits: means of log probabilities, weighed by the gate.
    """
    drawn = _member(x, (32, 96, 192), dropout / 2, "drawn")
    votes = [_member(x, (32, 64, 128), dropout, f"written_{number}") for number in range(WRITTEN)]
    written = layers.Average(dtype="float32")(votes)
    share = ops.sigmoid(_gate(x))
    digits, other = drawn[:, :DIGITS], drawn[:, DIGITS:]
    change = ops.log_softmax(written[:, :DIGITS]) - ops.log_softmax(digits)
    return ops.concatenate([digits + share * change, other], axis=1)


def _member(x, filters: tuple[int, int, int], dropout: float, name: str) -> keras.KerasTensor:
    """Convolutions only, strided instead of pooled: (n, 28, 28, 1) -> (n, 11) log probabilities.

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


def _gate(x) -> keras.KerasTensor:
    """How much an image looks like MNIST's own, by its strokes wherever they are: (n, 28, 28, 1) -> (n, 1) logits."""
    for filters, strides in ((16, 1), (16, 2), (32, 1)):
        x = _conv(x, filters, 3, strides=strides, padding="same")
    return layers.Dense(1, dtype="float32", name=GATE)(layers.GlobalAveragePooling2D()(x))


def _conv(x, filters: int, size: int, **options) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, use_bias=False, **options)(x)
    # A short memory: with the default of 0.99 a run of a few hundred steps would be scored on stale means.
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


# (n, 28, 28, 1) images and the share of activations that dropout sets to 0 -> (n, 10) or (n, 11) logits.
NETWORKS = {
    "softmax": softmax_regression,
    "softmax-normal": lambda x, dropout: softmax_regression(x, dropout, keras.initializers.RandomNormal(stddev=1.0)),
    "tutorial-cnn": tutorial_cnn,
    "dropout-cnn": dropout_cnn,
    "keras-cnn": keras_cnn,
    "express": express,
    "flagship": flagship,
}


def build(recipe: Recipe, precision: str = "float32") -> keras.Model:
    """Build a recipe's network with fresh weights.

    Args:
        recipe: whose network to build.
        precision: "float32", "bfloat16" or "float16"; the weights and the logits are float32 in all.

    Returns:
        A functional model, (n, 28, 28) float32 in [0, 1] -> (n, 10) float32 logits.
    """
    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}[precision]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        images = keras.Input(IMAGE_SHAPE, dtype="float32", name="images")
        logits = NETWORKS[recipe.network](layers.Reshape((*IMAGE_SHAPE, 1))(images), recipe.dropout or 0.0)
        logits = layers.Activation("linear", dtype="float32", name="logits")(logits)
    finally:
        keras.config.set_dtype_policy(before)
    return keras.Model(images, logits, name=recipe.name.replace("-", "_"))


def for_training(network: keras.Model, recipe: Recipe, seed: int, one_by_one: bool = False) -> keras.Model:
    """Put the conversion from uint8, and the recipe's augmentation, in front of a network.

    Args:
        network: that is to be trained.
        recipe: of it.
        seed: of the augmentation.
        one_by_one: whether members of a network are trained one after the other, which takes less memory.

    Returns:
        A model that shares the network's weights, from "pixels", (n, 28, 28) uint8, and "written", (n,) bool,
        whether an image is one of MNIST's own, which matters where members are for these, to (n, 10) or (n, 11)
        float32 logits.
    """
    inputs = {
        "pixels": keras.Input(IMAGE_SHAPE, dtype="uint8", name="pixels"),
        "written": keras.Input((), dtype="bool", name="written"),
    }
    images = layers.Rescaling(1 / 255, dtype="float32")(inputs["pixels"])
    augment = RandomHandwriting(seed=seed, dtype="float32")
    if expert_outputs(network):
        mildly = RandomHandwriting(**MILD, seed=seed + 1, dtype="float32")
        return MixtureModel(inputs, images, network, (augment, mildly) if recipe.augmentation else None, one_by_one)
    return keras.Model(inputs, network(augment(images) if recipe.augmentation else images))


def for_export(network: keras.Model, temperature: float = 1.0) -> keras.Model:
    """Put a softmax behind a network.

    Args:
        network: (n, 28, 28) -> (n, 10) logits, or (n, 11) where the last stands for "not a digit".
        temperature: the digits' logits are divided by it.

    Returns:
        A model, (n, 28, 28) float32 in [0, 1] -> (n, 10) float32 probabilities. From 11 logits it has two
        outputs by name: "probabilities", and "is_digit", (n, 1) float32 in [0, 1], how likely it is a
        digit at all. The less likely, the more the ten probabilities are alike.
    """
    images = keras.Input(IMAGE_SHAPE, dtype="float32", name="images")
    logits = network(images)
    if logits.shape[1] == DIGITS:
        outputs = layers.Softmax(name="probabilities")(layers.Rescaling(1 / temperature)(logits))
    else:
        shares = layers.Softmax(name="shares")(layers.Rescaling(1 / temperature)(logits[:, :DIGITS]))
        all_shares = layers.Softmax(name="all_shares")(logits)
        is_digit = layers.Rescaling(-1.0, 1.0, name="is_digit")(all_shares[:, NOT_A_DIGIT:])
        # Of what is no digit, no digit is likelier than another.
        mixed = is_digit * shares + (1 - is_digit) / DIGITS
        outputs = {"probabilities": layers.Identity(name="probabilities")(mixed), "is_digit": is_digit}
    return keras.Model(images, outputs, name=network.name)
