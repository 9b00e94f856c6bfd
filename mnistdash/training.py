"""Trains one run: fits, reports events, keeps the best weights, exports and scores the model.

Runs in a process of its own (`python -m mnistdash train`). Only this module, `finishing`,
`networks` and `augmentation` import Keras.
"""

import math
import platform
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mnistdash import evaluation, finishing, inference, negatives, networks, redrawing, schedules, styles
from mnistdash.configs import RunConfig
from mnistdash.datasets import Dataset, Split
from mnistdash.events import EventWriter
from mnistdash.files import write_json
from mnistdash.recipes import RECIPES, Recipe
from mnistdash.runs import CARD, KERAS, TFLITE, Card, TrainingError

BATCH_EVENT_EVERY = 0.5  # seconds: at most two batch events a second
NEGATIVES = 0.15  # pictures that are not digits, per digit trained on
REDRAWN = 0.4  # digits redrawn with one pen, per digit trained on
AS_WRITTEN = 0.8  # strength of the augmentation of MNIST's own digits; all else gets all of it


def train(config: RunConfig, folder: Path, dataset: Dataset, writer: EventWriter, stop: threading.Event) -> Card | None:
    """Train a run to its end, or until `stop` is set, and leave its model in `folder`.

    Returns:
        The model's card; None where it was stopped before there was anything to keep.

    Raises:
        TrainingError: the loss became something else than a number.
    """
    recipe = config.adjusted(RECIPES[config.recipe])
    keras.utils.set_random_seed(config.seed)
    training = examples(dataset, recipe, config.limit, config.seed)
    plan = Plan.of(config, len(training))
    network = networks.build(recipe, config.precision)
    if config.start is not None:
        _start_from(network, folder.parent / config.start)
    model = networks.for_training(network, recipe, config.seed)
    # XLA makes training slower on CPUs; on a GPU Keras' own choice stands.
    jit_compile = "auto" if tf.config.list_physical_devices("GPU") else False
    model.compile(_optimizer(recipe, config, plan), _loss(recipe), metrics=["accuracy"], jit_compile=jit_compile)
    writer.write(
        "fitting",
        steps=plan.steps,
        epochs=plan.epochs,
        batch_size=config.batch_size,
        examples=len(training),
        data=dataset.name,
    )
    reporter = Reporter(network, plan, config.batch_size, writer, stop, keep_last=recipe.trains_on_validation)
    if stop.is_set():
        return None
    began = time.monotonic()
    validation = Examples.plain(dataset.validation)
    model.fit(
        training.inputs,
        training.labels,
        batch_size=config.batch_size,
        epochs=plan.epochs,
        validation_data=(validation.inputs, validation.labels),
        validation_batch_size=finishing.BATCH,
        callbacks=[reporter],
        verbose=0,
    )
    seconds = time.monotonic() - began
    if reporter.best_weights is None:
        return None
    best = networks.build(recipe)
    best.set_weights(reporter.best_weights)
    temperature = finishing.fit_temperature(best, dataset.validation) if recipe.refuses else 1.0
    finishing.export(best, folder, temperature)
    # Scored as exported, through the path that the pages take.
    exported = inference.Model(folder / TFLITE, config.name)
    validation, test = (evaluation.evaluate(exported, split) for split in (dataset.validation, dataset.test))
    card = Card(
        name=config.name,
        recipe=config.recipe,
        status="stopped" if reporter.was_stopped else "finished",
        data=dataset.name,
        parameters=best.count_params(),
        bytes=(folder / TFLITE).stat().st_size,
        best_epoch=reporter.best_epoch,
        validation_accuracy=round(validation.accuracy, 6),
        validation_loss=round(validation.loss, 6),
        validation_seen=recipe.trains_on_validation,
        test_accuracy=round(test.accuracy, 6),
        test_loss=round(test.loss, 6),
        seconds=round(seconds, 1),
        versions={"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__},
    )
    write_json(folder / CARD, asdict(card))
    return card


def _start_from(network: keras.Model, run: Path) -> None:
    try:
        network.set_weights(finishing.trained_weights(run / KERAS))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{run.name} cannot be continued: its weights do not fit this recipe, or are gone.") from (
            error
        )


@dataclass(frozen=True)
class Plan:
    """How long a run is: in optimizer steps, and in epochs of which the last may be cut short."""

    steps: int
    epochs: int

    @classmethod
    def of(cls, config: RunConfig, examples: int) -> "Plan":
        per_epoch = math.ceil(examples / config.batch_size)
        if config.steps is None:
            return cls(config.epochs * per_epoch, config.epochs)
        return cls(config.steps, math.ceil(config.steps / per_epoch))


class Reporter(keras.callbacks.Callback):
    """Turns what happens while fitting into events, obeys `stop`, and keeps the best weights.

    Attributes:
        best_weights: of the epoch with the best validation accuracy (of equals, the one with the
            lower loss), or of the last one if `keep_last`; None before the first epoch's end.
        best_epoch: the epoch they come from, counted from 1.
        was_stopped: whether `stop` cut the run short.
    """

    def __init__(
        self,
        network: keras.Model,
        plan: Plan,
        batch_size: int,
        writer: EventWriter,
        stop: threading.Event,
        keep_last: bool,
    ):
        super().__init__()
        self._network, self._plan, self._writer, self._stop = network, plan, writer, stop
        self._batch_size, self._keep_last = batch_size, keep_last
        self._step = 0
        self._best = (-1.0, 0.0)
        self.best_weights: list[np.ndarray] | None = None
        self.best_epoch = 0
        self.was_stopped = False

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1
        self._in_epoch = 0
        self._epoch_began = self._last_report = time.monotonic()
        self._reported = {"batches": 0, "loss": 0.0, "accuracy": 0.0}

    def on_train_batch_end(self, batch, logs):
        self._step += 1
        self._in_epoch = batch + 1
        loss = float(logs["loss"])
        self._check("loss", loss)
        now = self._batch_ended = time.monotonic()
        if now - self._last_report >= BATCH_EVENT_EVERY:
            self._report_batches(now, loss, float(logs["accuracy"]))
        if self._step >= self._plan.steps:
            self.model.stop_training = True
        elif self._stop.is_set():
            self.model.stop_training = self.was_stopped = True

    def _check(self, what: str, loss: float) -> None:
        if not math.isfinite(loss):
            kind = "infinite" if math.isinf(loss) else "not a number (NaN)"
            raise TrainingError(f"The {what} became {kind} at step {self._step}.")

    def _report_batches(self, now: float, loss: float, accuracy: float) -> None:
        # Keras' logs are means since the epoch began; take out what was reported before.
        before, count = self._reported, self._in_epoch
        self._reported = {"batches": count, "loss": loss * count, "accuracy": accuracy * count}
        new = count - before["batches"]
        self._writer.write(
            "batch",
            step=self._step,
            epoch=self._epoch,
            loss=round(max(0.0, (loss * count - before["loss"]) / new), 6),
            accuracy=round(min(1.0, max(0.0, (accuracy * count - before["accuracy"]) / new)), 5),
            learning_rate=float(self.model.optimizer.learning_rate),
            images_per_second=round(new * self._batch_size / (now - self._last_report), 1),
        )
        self._last_report = now

    def on_epoch_end(self, epoch, logs):
        seconds = self._batch_ended - self._epoch_began
        self._check("validation loss", logs["val_loss"])
        score = (logs["val_accuracy"], -logs["val_loss"])
        is_best = self._keep_last or self.best_weights is None or score > self._best
        if is_best:
            self._best, self.best_epoch = score, self._epoch
            self.best_weights = self._network.get_weights()
        self._writer.write(
            "epoch",
            epoch=self._epoch,
            step=self._step,
            **{name: round(float(logs[name]), 6) for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            learning_rate=float(self.model.optimizer.learning_rate),
            images_per_second=round(self._in_epoch * self._batch_size / seconds, 1),
            best=is_best,
        )


@dataclass(frozen=True)
class Examples:
    """What a network is fitted to.

    Attributes:
        images: (n, 28, 28) uint8, 255 = ink.
        labels: (n,) uint8, 0 to 9, or `networks.NOT_A_DIGIT`.
        strength: (n,) float32 in [0, 1], how strongly each is augmented.
    """

    images: np.ndarray
    labels: np.ndarray
    strength: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def plain(cls, split: Split) -> "Examples":
        return cls(split.images, split.labels, np.zeros(len(split), np.float32))

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """As the model of `networks.for_training` takes them."""
        return {"pixels": self.images, "strength": self.strength}


def examples(dataset: Dataset, recipe: Recipe, limit: int | None, seed: int = 0) -> Examples:
    """What a run trains on.

    The training split, or its first `limit` images; for some recipes with the validation split.
    Augmentation adds copies that are redrawn with one pen, some of them in other styles, and a
    recipe that refuses adds pictures of what is not a digit.
    """
    parts = [dataset.train]
    if recipe.trains_on_validation and (limit is None or limit > len(dataset.train)):
        parts.append(dataset.validation)
    digits = Split(
        np.concatenate([part.images for part in parts])[:limit], np.concatenate([part.labels for part in parts])[:limit]
    )
    images, labels = [digits.images], [digits.labels]
    if recipe.augmentation:
        copies, copied = styles.restyled(digits.images, digits.labels, seed)
        random = np.random.default_rng(seed)
        chosen = random.permutation(len(digits))[: round(REDRAWN * len(digits))]
        images += [redrawing.redrawn(copies, random), redrawing.redrawn(digits.images[chosen], random)]
        labels += [copied, digits.labels[chosen]]
    if recipe.refuses:
        others = negatives.make(digits, round(NEGATIVES * len(digits)), seed)
        images.append(others)
        labels.append(np.full(len(others), networks.NOT_A_DIGIT, digits.labels.dtype))
    strength = np.ones(sum(map(len, labels)), np.float32)
    strength[: len(digits)] = AS_WRITTEN
    return Examples(np.concatenate(images), np.concatenate(labels), strength)


def _optimizer(recipe: Recipe, config: RunConfig, plan: Plan) -> keras.optimizers.Optimizer:
    rate = config.learning_rate
    if recipe.schedule == "cosine":
        warm_up = schedules.warm_up(plan.steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, plan.steps - warm_up), warmup_target=rate, warmup_steps=warm_up
        )
    kinds = {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "adadelta": keras.optimizers.Adadelta,
    }
    return kinds[recipe.optimizer](rate)


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


class MembersCrossEntropy(keras.losses.Loss):
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


def _loss(recipe: Recipe) -> keras.losses.Loss:
    losses = {
        "cross_entropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "naive_cross_entropy": NaiveCrossEntropy,
        "members_cross_entropy": MembersCrossEntropy,
    }
    return losses[recipe.loss]()
