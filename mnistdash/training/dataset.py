"""What a network is trained on: MNIST's digits, and what is made from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mnistdash.data.dataset import Dataset, Split
from mnistdash.runs.recipes import Recipe
from mnistdash.training import networks

NON_DIGITS = 0.15  # pictures that are not digits, per digit trained on
REDRAWN = 0.4  # digits redrawn with one pen, per digit trained on
ALIGNMENT = 64  # bytes; TensorFlow can use only memory that begins at a multiple


@dataclass(frozen=True)
class TrainingSet:
    """What a network is fitted to.

    Attributes:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: (n,) uint8, 0 to 9, or `networks.NOT_A_DIGIT`.
        written: (n,) bool, which are MNIST's own digits as they are.
    """

    images: np.ndarray
    labels: np.ndarray
    written: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def plain(cls, split: Split) -> "TrainingSet":
        return cls(split.images, split.labels, np.ones(len(split), bool))

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """As the model of `networks.for_training` takes them."""
        return {"pixels": self.images, "written": self.written}

    def batches(self, size: int, seed: int | None = None) -> tf.data.Dataset:
        """The examples batch by batch, as that model is fitted to them: ({"pixels", "written"}, labels).

        Keras would make such batches of arrays by itself, but with an automatic tuning whose thread sleeps for up to a
        minute, and TensorFlow waits for it after each epoch.

        Args:
            size: of a batch; the last of an epoch may be smaller.
            seed: of the order, another one in each epoch, epoch after epoch without an end; None for one epoch, in the
                order they are in.
        """
        count, whole = len(self), len(self) // size * size
        pixels, written, labels = map(tf.convert_to_tensor, (shared(self.images), self.written, self.labels))

        # Nothing to convert, and the converter writes files, which a full disk cannot take.
        @tf.autograph.experimental.do_not_convert
        def epoch(number: tf.Tensor) -> tf.data.Dataset:
            order = tf.range(count)
            if seed is not None:
                order = tf.random.experimental.stateless_shuffle(order, [tf.constant(seed, tf.int64), number])
            batches = tf.data.Dataset.from_tensor_slices(tf.reshape(order[:whole], (-1, size)))
            return batches.concatenate(tf.data.Dataset.from_tensors(order[whole:])) if whole < count else batches

        @tf.autograph.experimental.do_not_convert
        def batch(chosen: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            inputs = {"pixels": tf.gather(pixels, chosen), "written": tf.gather(written, chosen)}
            return inputs, tf.gather(labels, chosen)

        untuned = tf.data.Options()
        untuned.autotune.enabled = False
        epochs = tf.data.Dataset.range(1) if seed is None else tf.data.Dataset.counter()
        steps = math.ceil(count / size) if seed is None else tf.data.INFINITE_CARDINALITY
        batches = epochs.flat_map(epoch).map(batch).apply(tf.data.experimental.assert_cardinality(steps))
        return batches.prefetch(2).with_options(untuned)


def make_training_set(dataset: Dataset, recipe: Recipe, limit: int | None, seed: int = 0) -> TrainingSet:
    """What a run trains on.

    The training split, or its first `limit` images; for some recipes with the validation split.
    Augmentation adds copies that are redrawn with one pen, some of them in other styles, and a
    recipe that refuses adds pictures of what is not a digit.
    """
    parts = [dataset.train]
    if recipe.trains_on_validation and (limit is None or limit > len(dataset.train)):
        parts.append(dataset.validation)
    digits = Split(_joined([part.images for part in parts])[:limit], _joined([part.labels for part in parts])[:limit])
    images, labels, written = [digits.images], [digits.labels], [np.ones(len(digits), bool)]
    if recipe.augmentation:
        from mnistdash.synthesis import handwriting_styles, redraw

        copies, copied = handwriting_styles.restyle_digits(digits.images, digits.labels, seed)
        random = np.random.default_rng(seed)
        chosen = random.permutation(len(digits))[: round(REDRAWN * len(digits))]
        redrawn = redraw.redraw_all(copies, random), redraw.redraw_all(digits.images[chosen], random)
        images += redrawn
        labels += [copied, digits.labels[chosen]]
        # What cannot be redrawn stays as it was written.
        written += [np.zeros(len(copies), bool), (redrawn[1] == digits.images[chosen]).all((1, 2))]
    if recipe.refuses:
        from mnistdash.synthesis import non_digits

        others = non_digits.make_non_digits(digits, round(NON_DIGITS * len(digits)), seed)
        images.append(others)
        labels.append(np.full(len(others), networks.NOT_A_DIGIT, digits.labels.dtype))
        written.append(np.zeros(len(others), bool))
    return TrainingSet(_joined(images), _joined(labels), _joined(written))


def shared(array: np.ndarray) -> tf.Tensor | np.ndarray:
    """A tensor in the memory of an array, which must not be changed any more; Keras alone would make a copy.

    Returns:
        The array itself where its memory begins at an address that TensorFlow cannot use.
    """
    if array.ctypes.data % ALIGNMENT or not array.flags.c_contiguous:
        return array
    return tf.experimental.dlpack.from_dlpack(np.asarray(_Writable(array)).__dlpack__())


class _Writable:
    """Makes a read-only array look writable, as DLPack hands on no others; nothing writes to it."""

    def __init__(self, array: np.ndarray):
        self._array = array  # lives as long as what is made of it
        self.__array_interface__ = {**array.__array_interface__, "data": (array.ctypes.data, False)}


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays one after the other, in memory as `shared` wants it; a single one as it is."""
    if len(arrays) == 1:
        return arrays[0]
    shape = (sum(map(len, arrays)), *arrays[0].shape[1:])
    size = math.prod(shape) * arrays[0].itemsize
    buffer = np.empty(size + ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % ALIGNMENT
    joined = buffer[start : start + size].view(arrays[0].dtype).reshape(shape)
    return np.concatenate(arrays, out=joined)
