"""Losses by name, as recipes call them."""

import keras

from mnistdash.runs.recipes import Recipe


class NaiveCrossEntropy(keras.losses.Loss):
    """-sum(y * log(softmax)), summed over the batch, unclipped: NaN as soon as a probability is 0.

    Source: TensorFlow tutorial "MNIST For ML Beginners", before its note on numerical stability.
    """

    def __init__(self):
        super().__init__(name="naive_cross_entropy", reduction="sum")

    def call(self, y_true, y_pred):
        """(n,) integers, (n, 10) logits -> (n,) losses."""
        one_hot = keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32"), 10, dtype=y_pred.dtype)
        return -keras.ops.sum(one_hot * keras.ops.log(keras.ops.softmax(y_pred)), axis=-1)


class MixtureCrossEntropy(keras.losses.Loss):
    """The mean of the members' cross-entropies, for a network whose logits are the mean of log probabilities.

    The usual loss would make their mean right, which lets one member lean on another; with this one
    each learns by itself, and what they get wrong differs.
    """

    def __init__(self):
        super().__init__(name="members_cross_entropy")

    def call(self, y_true, y_pred):
        """(n,) integers, (n, classes) means of log probabilities -> (n,) losses."""
        index = keras.ops.cast(keras.ops.reshape(y_true, (-1, 1)), "int32")
        return -keras.ops.take_along_axis(y_pred, index, axis=1)[:, 0]


_LOSSES = {
    "cross_entropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "naive_cross_entropy": NaiveCrossEntropy,
    "members_cross_entropy": MixtureCrossEntropy,
}


def build(recipe: Recipe) -> keras.losses.Loss:
    """A recipe's loss, from integer labels and logits."""
    return _LOSSES[recipe.loss]()


def images_per_loss(recipe: Recipe, batch_size: int) -> int:
    """Over how many images a batch's loss is summed: divided by it, losses of all recipes compare."""
    return batch_size if recipe.loss == "naive_cross_entropy" else 1
