"""Loss functions of the recipes."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from mnistdash.runs.recipes import Recipe

LossFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # of integer labels and logits


def naive_cross_entropy(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Return -sum(y * log(softmax)) over the batch without clipping: NaN as soon as a probability is 0.

    Source: TensorFlow tutorial "MNIST For ML Beginners", before its note on numerical stability.

    Args:
        y_true: (n,) integer labels.
        y_pred: (n, 10) logits.
    """
    one_hot = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), 10, dtype=y_pred.dtype)
    return -ops.sum(one_hot * ops.log(ops.softmax(y_pred)))


def mixture_cross_entropy(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Return the mean of the experts' cross-entropies, for logits that are means of log probabilities.

    The usual cross-entropy lets one expert rely on another; with this loss each one learns separately, and they make
    different errors.

    Args:
        y_true: (n,) integer labels.
        y_pred: (n, classes) means of log probabilities.

    Returns:
        (n,) losses, of which Keras takes the mean.
    """
    index = ops.cast(ops.reshape(y_true, (-1, 1)), "int32")
    return -ops.take_along_axis(y_pred, index, axis=1)[:, 0]


LOSSES: dict[str, LossFunction] = {
    "cross_entropy": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "naive_cross_entropy": naive_cross_entropy,
    "mixture_cross_entropy": mixture_cross_entropy,
}


def build(recipe: Recipe) -> LossFunction:
    """Return a recipe's loss."""
    return LOSSES[recipe.loss]


def images_per_loss(recipe: Recipe, batch_size: int) -> int:
    """Return the number of images that a batch's loss is summed over: the divisor that makes losses comparable."""
    return batch_size if recipe.loss == "naive_cross_entropy" else 1
