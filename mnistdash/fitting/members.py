"""Trains the members of a network that votes one after the other, where memory is short.

All at once is some 6 % faster; but then the activations of all members, which their gradients are computed from, are
in memory together.
"""

import keras
import tensorflow as tf
from keras import layers


def votes(network: keras.Model) -> list[keras.KerasTensor]:
    """What the members of a network say, before it is averaged; empty for a network that does not vote."""
    averages = [layer for layer in network.layers if isinstance(layer, layers.Average)]
    return averages[0].input if averages else []


class OneByOne(keras.Model):
    """As the functional model of the same inputs and outputs, but a step reads and improves one member at a time.

    The loss is the mean of the members' losses, so that a step leaves the same weights.

    Args:
        inputs: of the model.
        images: what the members are given, made of the inputs.
        network: their vote on it.
    """

    def __init__(self, inputs: dict[str, keras.KerasTensor], images: keras.KerasTensor, network: keras.Model):
        super().__init__(inputs, network(images))
        self._images = keras.Model(inputs, images)
        self._members = [keras.Model(network.inputs, vote) for vote in votes(network)]

    def train_step(self, data):
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        images = self._images(inputs, training=True)
        said, loss, gradients, weights = [], 0.0, [], []
        for member in self._members:
            with tf.control_dependencies(gradients):  # no member begins before the one before is done
                given = tf.identity(images)
            with tf.GradientTape() as tape:
                said.append(member(given, training=True))
                share = self.compute_loss(y=labels, y_pred=said[-1], training=True) / len(self._members)
                scaled = self.optimizer.scale_loss(share)
            weights += member.trainable_weights
            gradients += tape.gradient(scaled, member.trainable_weights)
            loss += share
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(labels)[0])
        return self.compute_metrics(inputs, labels, tf.add_n(said) / len(said), None)
