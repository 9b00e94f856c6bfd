"""Loss functions of the recipes."""

import keras
import tensorflow as tf
from keras import ops

from mnistdash.runs.recipes import Recipe


class NaiveCrossEntropy(keras.losses.Loss):
    """-sum(y * log(softmax)), summed over the batch without clipping: NaN as soon as a probability is 0.

    Source: TensorFlow tutorial "MNIST For ML Beginners", before its note on numerical stability.
    """

    def __init__(self) -> None:
        super().__init__(name="naive_cross_entropy", reduction="sum")

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return (n,) losses for (n,) integer labels and (n, 10) logits."""
        one_hot = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), 10, dtype=y_pred.dtype)
        return -ops.sum(one_hot * ops.log(ops.softmax(y_pred)), axis=-1)


class MixtureCrossEntropy(keras.losses.Loss):
    """Mean of the experts' cross-entropies, for logits that are means of log probabilities.

    The usual cross-entropy lets one expert rely on another; with this loss each one learns separately, and they make
    different errors.
    """

    def __init__(self) -> None:
        super().__init__(name="mixture_cross_entropy")

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return (n,) losses for (n,) integer labels and (n, classes) means of log probabilities."""
        index = ops.cast(ops.reshape(y_true, (-1, 1)), "int32")
        return -ops.take_along_axis(y_pred, index, axis=1)[:, 0]


def build(recipe: Recipe) -> keras.losses.Loss:
    """Return a recipe's loss of integer labels and logits."""
    if recipe.loss == "naive_cross_entropy":
        return NaiveCrossEntropy()
    if recipe.loss == "mixture_cross_entropy":
        return MixtureCrossEntropy()
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def images_per_loss(recipe: Recipe, batch_size: int) -> int:
    """Return the number of images that a batch's loss is summed over: the divisor that makes losses comparable."""
    return batch_size if recipe.loss == "naive_cross_entropy" else 1
