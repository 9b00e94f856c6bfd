"""Training of a mixture of experts: each expert has its own images and its own loss."""

import keras
import tensorflow as tf
from keras import ops

EXPERTS, GATE = ("drawn", "written"), "gate"  # prefixes of the experts' output layers, and name of the gate's


def expert_outputs(network: keras.Model) -> dict[str, list[keras.KerasTensor]]:
    """Return the outputs of a mixture's experts and gate, by layer name prefix; {} for other networks."""
    names = (*EXPERTS, GATE)
    outputs = {name: [layer.output for layer in network.layers if layer.name.startswith(name)] for name in names}
    return {name: tensors for name, tensors in outputs.items() if tensors}


class MixtureModel(keras.Model):
    """A functional model whose training step improves each expert separately.

    A joint loss would let one expert rely on another; trained separately, they make different errors. The "written"
    experts learn from original MNIST digits only, repeated to fill the batch, the "drawn" expert from all images.
    The gate learns to tell original digits from the rest; its images are not augmented, because augmentation blurs
    the strokes it depends on.

    The loss and accuracy reported are those of the "written" experts on original digits and of "drawn" on the rest.

    Args:
        inputs: "pixels", (n, 28, 28) uint8, and "written", (n,) bool, True for original MNIST digits.
        images: the pixels as floats.
        network: the mixture to train.
        augment: augmentation for EXPERTS, in this order; None for no augmentation.
    """

    def __init__(
        self,
        inputs: dict[str, keras.KerasTensor],
        images: keras.KerasTensor,
        network: keras.Model,
        augment: tuple[keras.Layer, keras.Layer] | None,
    ):
        super().__init__(inputs, network(images))
        self._images = keras.Model(inputs, images)
        experts = expert_outputs(network).items()
        self._experts = [(name, keras.Model(network.inputs, output)) for name, outputs in experts for output in outputs]
        self._augment = augment or (keras.layers.Identity(), keras.layers.Identity())
        self.supports_jit = False  # XLA needs the number of images per expert in advance

    def train_step(self, data: tuple[dict[str, tf.Tensor], tf.Tensor]) -> dict[str, tf.Tensor]:
        """Update the weights of every expert with one batch, and return the metrics."""
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        images = self._images(inputs)
        chosen = _indices_filled_to_batch(inputs["written"])
        augment_drawn, augment_written = self._augment
        batches = {  # called once for each expert, so that every expert sees other augmentations
            "drawn": lambda: (augment_drawn(images, training=True), labels),
            "written": lambda: (augment_written(tf.gather(images, chosen), training=True), tf.gather(labels, chosen)),
            GATE: lambda: (images, inputs["written"]),
        }
        outputs: dict[str, list[tf.Tensor]] = {name: [] for name in batches}
        gradients: list[tf.Tensor] = []
        weights: list[keras.Variable] = []
        for name, expert in self._experts:
            # One expert after the other: the activations of all of them would need twice the memory.
            with tf.control_dependencies(gradients):
                x, y = batches[name]()
                x = tf.identity(x)
            with tf.GradientTape() as tape:
                output = expert(x, training=True)
                loss = _gate_loss(y, output) if name == GATE else self.compute_loss(y=y, y_pred=output)
                scaled_loss = self.optimizer.scale_loss(loss)
            outputs[name].append(output)
            weights += expert.trainable_weights
            gradients += tape.gradient(scaled_loss, expert.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        drawn, written = (tf.add_n(outputs[name]) / len(outputs[name]) for name in EXPERTS)
        logits = tf.tensor_scatter_nd_update(drawn, chosen[:, tf.newaxis], written)
        self._loss_tracker.update_state(self.compute_loss(y=labels, y_pred=logits), sample_weight=tf.shape(labels)[0])
        return dict(self.compute_metrics(inputs, labels, logits, None))


def _indices_filled_to_batch(written: tf.Tensor) -> tf.Tensor:
    """Return (n,) indices of the images whose flag in (n,) `written` is set, repeated in order; all if none is set.

    A fixed number of images spares oneDNN from compiling its kernels for every new number.
    """
    indices = tf.where(written | ~tf.reduce_any(written))[:, 0]
    return tf.gather(indices, tf.range(tf.size(written, tf.int64)) % tf.size(indices, tf.int64))


def _gate_loss(is_written: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    targets = ops.cast(ops.reshape(is_written, (-1, 1)), logits.dtype)
    return ops.mean(ops.binary_crossentropy(targets, logits, from_logits=True))
