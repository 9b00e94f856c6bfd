"""Training images: MNIST's digits, and images made from them."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mnistdash.data.dataset import Dataset, Split
from mnistdash.runs.recipes import Recipe
from mnistdash.training import networks

NON_DIGITS = 0.15  # images of non-digits, per digit
REDRAWN = 0.4  # digits redrawn with one pen, per digit


@dataclass(frozen=True)
class TrainingSet:
    """Images that a network is trained on, or that it predicts.

    Attributes:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: (n,) uint8, 0 to 9, or `networks.NOT_A_DIGIT`.
        written: (n,) bool, True for MNIST's own digits, unchanged.
    """

    images: np.ndarray
    labels: np.ndarray
    written: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def plain(cls, split: Split) -> "TrainingSet":
        """Return the digits of a split, unchanged."""
        return cls(split.images, split.labels, np.ones(len(split), bool))

    def batches(self, size: int, seed: int | None = None) -> tf.data.Dataset:
        """Return batches as the model of `networks.for_training` takes them: ({"pixels", "written"}, labels).

        Keras would make batches with tf.data's automatic tuning, whose thread sleeps for up to a minute; TensorFlow
        waits for it after each epoch.

        Args:
            size: images per batch; the last batch of an epoch may be smaller.
            seed: for an endless dataset with a new order in each epoch; None for one epoch in the stored order.
        """
        pixels, written, labels = map(tf.convert_to_tensor, (self.images, self.written, self.labels))
        order = tf.range(len(self))

        def indices(epoch: tf.Tensor) -> tf.data.Dataset:
            shuffled = tf.random.experimental.stateless_shuffle(order, [tf.constant(seed, tf.int64), epoch])
            return tf.data.Dataset.from_tensor_slices(shuffled).batch(size)

        def gather(chosen: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            inputs = {"pixels": tf.gather(pixels, chosen), "written": tf.gather(written, chosen)}
            return inputs, tf.gather(labels, chosen)

        # AutoGraph has nothing to convert, and writes files, which fails if the disk is full.
        unconverted = tf.autograph.experimental.do_not_convert
        options = tf.data.Options()
        options.autotune.enabled = False
        if seed is None:
            batches = tf.data.Dataset.from_tensor_slices(order).batch(size)
        else:
            batches = tf.data.Dataset.counter().flat_map(unconverted(indices))
        return batches.map(unconverted(gather)).prefetch(2).with_options(options)


def make_training_set(dataset: Dataset, recipe: Recipe, limit: int | None, seed: int = 0) -> TrainingSet:
    """Make the images that a run trains on.

    These are the digits of the training split and, for recipes that say so, of the validation split. Augmentation adds
    digits in other handwriting styles and redrawn digits. A recipe that rejects non-digits adds images of them.

    Args:
        dataset: MNIST or the offline sample.
        recipe: the recipe with the run's settings applied.
        limit: use only this many digits; None for all.
        seed: for the images that are made.
    """
    parts = [dataset.train]
    if recipe.trains_on_validation and (limit is None or limit > len(dataset.train)):
        parts.append(dataset.validation)
    digits = Split(_join([part.images for part in parts])[:limit], _join([part.labels for part in parts])[:limit])
    made = [TrainingSet.plain(digits)]
    if recipe.augmentation:
        from mnistdash.synthesis import handwriting_styles, redraw

        restyled, labels = handwriting_styles.restyle_digits(digits.images, digits.labels, seed)
        random = np.random.default_rng(seed)
        chosen = random.permutation(len(digits))[: round(REDRAWN * len(digits))]
        made.append(TrainingSet(redraw.redraw_all(restyled, random), labels, np.zeros(len(labels), bool)))
        originals = digits.images[chosen]
        redrawn = redraw.redraw_all(originals, random)
        # Digits that cannot be redrawn are returned unchanged.
        made.append(TrainingSet(redrawn, digits.labels[chosen], (redrawn == originals).all((1, 2))))
    if recipe.rejects_non_digits:
        from mnistdash.synthesis import non_digits

        images = non_digits.make_non_digits(digits, round(NON_DIGITS * len(digits)), seed)
        labels = np.full(len(images), networks.NOT_A_DIGIT, np.uint8)
        made.append(TrainingSet(images, labels, np.zeros(len(images), bool)))
    return TrainingSet(*(_join([getattr(part, name) for part in made]) for name in ("images", "labels", "written")))


def _join(arrays: list[np.ndarray]) -> np.ndarray:
    """Concatenate arrays without copying a single one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
