"""Builds Keras models from recipes. Only this module and `training` import Keras.

Every network maps (n, 28, 28) float32 in [0, 1], 1 = ink, to (n, 10) logits. What is exported
ends in a softmax; what is trained begins with the conversion from uint8 and the augmentation,
so that neither is part of the exported model's contract.
"""

import math
from collections.abc import Callable

import keras
from keras import layers, ops

from mnistdash.recipes import Recipe

IMAGE_SHAPE = (28, 28)
DIGITS = 10


def softmax_regression(x: keras.KerasTensor, kernel_initializer="zeros") -> keras.KerasTensor:
    """One dense layer. Source: TensorFlow tutorial "MNIST For ML Beginners"."""
    return layers.Dense(DIGITS, kernel_initializer=kernel_initializer)(layers.Flatten()(x))


def tutorial_cnn(x: keras.KerasTensor) -> keras.KerasTensor:
    """Two 5x5 convolutions, a wide dense layer. Source: TensorFlow tutorial "A Guide to TF Layers"."""
    return _wide_cnn(x, drop=0.4)


def dropout_cnn(x: keras.KerasTensor) -> keras.KerasTensor:
    """The same layers, every weight and bias from N(0, 1), a keep probability of 0.8."""
    normal = keras.initializers.RandomNormal(stddev=1.0)
    # One initializer object would give every layer the same values: clone it for each.
    return _wide_cnn(x, drop=0.2, initializer=normal.clone)


def _wide_cnn(x, drop: float, initializer: Callable | None = None) -> keras.KerasTensor:
    def init() -> dict:
        return {} if initializer is None else {"kernel_initializer": initializer(), "bias_initializer": initializer()}

    for filters in (32, 64):
        x = layers.Conv2D(filters, 5, padding="same", activation="relu", **init())(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Dense(1024, activation="relu", **init())(layers.Flatten()(x))
    return layers.Dense(DIGITS, **init())(layers.Dropout(drop)(x))


def keras_cnn(x: keras.KerasTensor) -> keras.KerasTensor:
    """1,199,882 weights. Source: keras-team/keras, examples/mnist_cnn.py, 2018."""
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D(2)(x))
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return layers.Dense(DIGITS)(layers.Dropout(0.5)(x))


def flagship(x: keras.KerasTensor) -> keras.KerasTensor:
    """Convolutions only, strided instead of pooled.

    Source: the layout that C. Deotte describes in "25 Million Images! [0.99757] MNIST" (Kaggle, 2018).
    """
    for filters in (32, 64):
        x = _conv(x, filters, 3)
        x = _conv(x, filters, 3)
        x = _conv(x, filters, 5, strides=2, padding="same")
        x = layers.Dropout(0.3)(x)
    x = layers.Flatten()(_conv(x, 128, 4))
    return layers.Dense(DIGITS)(layers.Dropout(0.3)(x))


def _conv(x, filters: int, size: int, **options) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, use_bias=False, **options)(x)
    # A short memory: with the default of 0.99 a run of a few hundred steps would be scored on stale means.
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


NETWORKS = {
    "softmax": softmax_regression,
    "softmax-normal": lambda x: softmax_regression(x, keras.initializers.RandomNormal(stddev=1.0)),
    "tutorial-cnn": tutorial_cnn,
    "dropout-cnn": dropout_cnn,
    "keras-cnn": keras_cnn,
    "flagship": flagship,
}


def build(recipe: Recipe, precision: str = "float32") -> keras.Model:
    """Build a recipe's network with fresh weights.

    Args:
        recipe: whose network to build.
        precision: "float32" or "bfloat16"; the weights and the logits are float32 in both.

    Returns:
        A functional model, (n, 28, 28) float32 in [0, 1] -> (n, 10) float32 logits.
    """
    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        images = keras.Input(IMAGE_SHAPE, dtype="float32", name="images")
        logits = NETWORKS[recipe.network](layers.Reshape((*IMAGE_SHAPE, 1))(images))
        logits = layers.Activation("linear", dtype="float32", name="logits")(logits)
    finally:
        keras.config.set_dtype_policy(before)
    return keras.Model(images, logits, name=recipe.name.replace("-", "_"))


def for_training(network: keras.Model, recipe: Recipe, seed: int) -> keras.Model:
    """Put the conversion from uint8, and the recipe's augmentation, in front of a network.

    Returns:
        A model that shares the network's weights, (n, 28, 28) uint8 -> (n, 10) float32 logits.
    """
    images = keras.Input(IMAGE_SHAPE, dtype="uint8", name="pixels")
    x = layers.Rescaling(1 / 255, dtype="float32")(images)
    if recipe.augmentation:
        x = RandomAffine(seed=seed, dtype="float32")(x)
    return keras.Model(images, network(x))


def for_export(network: keras.Model) -> keras.Model:
    """Put a softmax behind a network: (n, 28, 28) float32 in [0, 1] -> (n, 10) float32 probabilities."""
    images = keras.Input(IMAGE_SHAPE, dtype="float32", name="images")
    return keras.Model(images, layers.Softmax(name="probabilities")(network(images)), name=network.name)


@keras.saving.register_keras_serializable("mnistdash")
class RandomAffine(layers.Layer):
    """Turns, scales, shears and moves each training image at random, in one interpolation.

    One affine map instead of a chain of Keras' own layers, each of which would blur the
    strokes once more. Does nothing outside training.

    Args:
        degrees: largest turn either way.
        scale: largest change of size, as a fraction, drawn for width and height apart.
        shear: largest horizontal shear, as a tangent.
        shift: largest move either way, in pixels, drawn for x and y apart.
        seed: makes the draws repeatable.
    """

    def __init__(self, degrees=12.0, scale=0.12, shear=0.2, shift=2.5, seed=0, **options):
        super().__init__(**options)
        self.degrees, self.scale, self.shear, self.shift, self.seed = degrees, scale, shear, shift, seed
        self._generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        """Map (n, 28, 28) float32 to images of the same shape."""
        if not training:
            return images
        count = ops.shape(images)[0]

        def draw(largest):
            return keras.random.uniform((count,), -largest, largest, seed=self._generator)

        angle, shear = draw(math.radians(self.degrees)), draw(self.shear)
        cos, sin = ops.cos(angle), ops.sin(angle)
        width, height = 1 + draw(self.scale), 1 + draw(self.scale)
        # The 2x2 matrix that takes an output pixel to an input pixel: scale, then shear, then turn.
        a, b = cos * width, (cos * shear - sin) * height
        c, d = sin * width, (sin * shear + cos) * height
        middle_y, middle_x = ((size - 1) / 2 for size in IMAGE_SHAPE)
        move_x = middle_x - a * middle_x - b * middle_y + draw(self.shift)
        move_y = middle_y - c * middle_x - d * middle_y + draw(self.shift)
        zero = ops.zeros_like(a)
        matrix = ops.stack([a, b, move_x, c, d, move_y, zero, zero], axis=1)
        return ops.squeeze(ops.image.affine_transform(ops.expand_dims(images, -1), matrix), -1)

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("degrees", "scale", "shear", "shift", "seed")}
        return {**super().get_config(), **own}
