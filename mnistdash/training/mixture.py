"""Trains the members of a network each by itself: on the images that it is for, and with a loss of its own."""

import keras
import tensorflow as tf
from keras import ops

READERS, GATE = ("drawn", "written"), "gate"  # names of the layers that the members end in, and of the gate's last


def expert_outputs(network: keras.Model) -> dict[str, list[keras.KerasTensor]]:
    """What the members of a network say, by the name that their last layers begin with; empty where there are none."""
    names = (*READERS, GATE)
    said = {name: [layer.output for layer in network.layers if layer.name.startswith(name)] for name in names}
    return {name: outputs for name, outputs in said.items() if outputs}


class MixtureModel(keras.Model):
    """As the functional model of the same inputs and outputs, but a step improves each member of its network by itself.

    The usual loss would make their joint answer right, which lets one member lean on another; this
    way what they get wrong differs. Those that are "written" learn from MNIST's own digits alone,
    repeated to fill the batch; those that are "drawn" from all images; and the gate to tell the ones from
    the others: it is shown images as they are, as augmentation would blur what it goes by.

    Loss and accuracy are those of the "written" on what they learn from, and of the "drawn" on the rest.

    Args:
        inputs: "pixels", (n, 28, 28) uint8, and "written", (n,) bool, whether an image is one of MNIST's own.
        images: the pixels as floats.
        network: whose members are trained.
        augment: for READERS in this order, what changes their images; None to leave them.
        one_by_one: whether each waits for the one before, which takes less memory: all at once is faster, but then
            the activations of all, which gradients are computed from, are in memory together.
    """

    def __init__(
        self,
        inputs: dict[str, keras.KerasTensor],
        images: keras.KerasTensor,
        network: keras.Model,
        augment: tuple[keras.Layer, keras.Layer] | None,
        one_by_one: bool,
    ):
        super().__init__(inputs, network(images))
        self._images = keras.Model(inputs, images)
        found = expert_outputs(network).items()
        self._members = [(name, keras.Model(network.inputs, said)) for name, outputs in found for said in outputs]
        self._augment = augment or (keras.layers.Identity(), keras.layers.Identity())
        self._one_by_one = one_by_one
        self.supports_jit = False  # XLA wants to know beforehand how many of a batch are for which member

    def train_step(self, data):
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        images = self._images(inputs)
        chosen = _repeated(inputs["written"])
        drawn, own = self._augment
        lessons = {  # each member's images are changed in another way: so what two get wrong differs
            "drawn": lambda: (drawn(images, training=True), labels),
            "written": lambda: (own(tf.gather(images, chosen), training=True), tf.gather(labels, chosen)),
            "gate": lambda: (images, inputs["written"]),
        }
        said, gradients, weights = {name: [] for name in lessons}, [], []
        for name, member in self._members:
            with tf.control_dependencies(gradients if self._one_by_one else []):
                given, wanted = lessons[name]()
                given = tf.identity(given)
            with tf.GradientTape() as tape:
                answer = member(given, training=True)
                loss = _gate_loss(wanted, answer) if name == GATE else self.compute_loss(y=wanted, y_pred=answer)
                scaled = self.optimizer.scale_loss(loss)
            said[name].append(answer)
            weights += member.trainable_weights
            gradients += tape.gradient(scaled, member.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for_all, for_own = (tf.add_n(said[name]) / len(said[name]) for name in READERS)
        answers = tf.tensor_scatter_nd_update(for_all, chosen[:, tf.newaxis], for_own)
        self._loss_tracker.update_state(self.compute_loss(y=labels, y_pred=answers), sample_weight=tf.shape(labels)[0])
        return self.compute_metrics(inputs, labels, answers, None)


def _repeated(written: tf.Tensor) -> tf.Tensor:
    """Indices of images that are written, as many as there are images: all in turn, again from the start.

    Each time one is changed in another way by augmentation. Always as many: oneDNN compiles its kernels anew for each
    number of images that it has not seen lately. Where none is written, of all images.
    """
    indices = tf.where(written | ~tf.reduce_any(written))[:, 0]
    return tf.gather(indices, tf.range(tf.size(written, tf.int64)) % tf.size(indices, tf.int64))


def _gate_loss(is_written: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    wanted = ops.cast(ops.reshape(is_written, (-1, 1)), logits.dtype)
    return ops.mean(ops.binary_crossentropy(wanted, logits, from_logits=True))
