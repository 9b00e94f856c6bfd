"""The Keras callback of a run: events, validation, best weights, snapshots."""

import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.exceptions import TrainingError
from mnistdash.runs import snapshots
from mnistdash.runs.config import RunConfig
from mnistdash.runs.events import EventWriter
from mnistdash.runs.recipes import RECIPES, Recipe
from mnistdash.training import export, losses
from mnistdash.training.dataset import TrainingSet
from mnistdash.training.inspection import Inspector
from mnistdash.training.tensorboard import TensorBoardLog

MAX_STEPS_AT_ONCE = 10
BATCH_EVENT_INTERVAL = 0.5  # seconds


@dataclass(frozen=True)
class StepPlan:
    """The length of a run.

    Attributes:
        steps: optimizer steps of the run.
        steps_per_epoch: the last epoch of the run may be shorter.
        at_once: steps per execution, a divisor of both. Keras needs about 1 ms between two executions, which is longer
            than a step of a small network.
    """

    steps: int
    steps_per_epoch: int
    at_once: int = 1

    @classmethod
    def from_config(cls, config: RunConfig, examples: int) -> "StepPlan":
        """Return the plan of a run that trains on a number of images."""
        per_epoch = math.ceil(examples / config.batch_size)
        steps = config.steps or (config.epochs or 0) * per_epoch
        most = min(MAX_STEPS_AT_ONCE, max(1, RECIPES[config.recipe].images_per_execution // config.batch_size))
        return cls(steps, per_epoch, max(n for n in range(1, most + 1) if math.gcd(steps, per_epoch) % n == 0))

    @property
    def epochs(self) -> int:
        """Number of epochs, the last one counted in full."""
        return math.ceil(self.steps / self.steps_per_epoch)


class RunCallback(keras.callbacks.Callback):
    """Write a run's events and snapshots, keep its best weights, and stop it on request.

    After each epoch, the network predicts the validation digits. Losses are per image, in nats.

    Args:
        network: (n, 28, 28) float32 -> logits; part of the model that is fitted.
        config: settings of the run.
        recipe: its recipe with these settings applied.
        plan: its length.
        validation: the split that determines the best epoch.
        folder: of the run.
        writer: for events.
        stop: ends the run after the current steps.

    Attributes:
        best_weights: of the epoch with the best validation accuracy (if equal, the lower loss), or of the last epoch
            if the recipe trains on validation; None before the end of the first epoch.
        best_epoch: the epoch of these weights, counted from 1.
        was_stopped: True if `stop` ended the run.
    """

    def __init__(
        self,
        network: keras.Model,
        config: RunConfig,
        recipe: Recipe,
        plan: StepPlan,
        validation: Split,
        folder: Path,
        writer: EventWriter,
        stop: threading.Event,
    ):
        super().__init__()
        self._network, self._recipe, self._plan, self._batch_size = network, recipe, plan, config.batch_size
        self._images_per_loss = losses.images_per_loss(recipe, config.batch_size)
        self._validation, self._folder, self._writer, self._stop = validation, folder, writer, stop
        self._tensorboard = TensorBoardLog(folder) if config.tensorboard else None
        ten_digits = validation.images[snapshots.first_of_each_digit(validation.labels)]
        self._inspector = Inspector(network, ten_digits.astype(np.float32) / 255)
        self._step = 0
        self._has_warned = False
        self._best_score = (-1.0, 0.0)
        self.best_weights: list[np.ndarray] | None = None
        self.best_epoch = 0
        self.was_stopped = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Build the function that predicts the validation images."""
        self._predict = export.logit_predictor(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reset the counters of an epoch."""
        self._epoch = epoch + 1
        self._epoch_start = time.monotonic()
        self._batches = 0  # of this epoch
        self._report_time, self._reported = self._epoch_start, np.zeros(3)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        """Report batches from time to time, and stop if requested or complete."""
        is_first = self._step == 0
        self._batches = batch + 1
        self._step = (self._epoch - 1) * self._plan.steps_per_epoch + self._batches
        self._loss = float(logs["loss"]) / self._images_per_loss
        self._accuracy = float(logs["accuracy"])
        self._check_finite("loss", self._loss)
        self._batch_end = time.monotonic()
        if is_first or self._batch_end - self._report_time >= BATCH_EVENT_INTERVAL:
            self._report_batches()
        if self._step >= self._plan.steps:
            self.model.stop_training = True
        elif self._stop.is_set():
            self.model.stop_training = self.was_stopped = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluate the epoch, keep its weights if they are the best, and write its event and snapshot."""
        if self._reported[0] < self._batches:
            self._report_batches()
        result = Evaluation(
            self._validation.labels, export.probabilities(self._predict(TrainingSet.plain(self._validation)))
        )
        self._check_finite("validation loss", result.loss)
        score = (result.accuracy, -result.loss)
        is_best = self._recipe.trains_on_validation or self.best_weights is None or score > self._best_score
        if is_best:
            self._best_score, self.best_epoch = score, self._epoch
            self.best_weights = self._network.get_weights()
            # A run that is killed can be continued from these.
            self._save(partial(export.save_weights, self.best_weights, self._folder))
        self._write(
            "epoch",
            loss=round(self._loss, 6),
            accuracy=round(self._accuracy, 6),
            val_loss=round(result.loss, 6),
            val_accuracy=round(result.accuracy, 6),
            images_per_second=self._images_per_second(self._batches, self._epoch_start),
            best=is_best,
        )
        # After the event, as the charts need only that.
        view = self._inspector.snapshot() if snapshots.saves_network_view(self._epoch, self._plan.epochs) else None
        predictions = snapshots.EpochPredictions.of(result.probabilities, result.labels)
        self._save(partial(snapshots.write_snapshot, self._folder, self._epoch, predictions, view))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the TensorBoard logs."""
        if self._tensorboard is not None:
            self._tensorboard.close()

    def _check_finite(self, name: str, loss: float) -> None:
        if not math.isfinite(loss):
            kind = "infinite" if math.isinf(loss) else "not a number (NaN)"
            raise TrainingError(f"The {name} became {kind} at step {self._step}.")

    def _report_batches(self) -> None:
        """Write the means since the last report; Keras' logs are means since the start of the epoch."""
        # Sums over the epoch so far.
        sums = self._batches * np.array([1, self._loss, self._accuracy])
        batches, loss, accuracy = (sums - self._reported).tolist()
        speed = self._images_per_second(batches, self._report_time)
        self._report_time, self._reported = self._batch_end, sums
        self._write(
            "batch",
            loss=round(max(0.0, loss / batches), 6),
            accuracy=round(min(1.0, max(0.0, accuracy / batches)), 5),
            images_per_second=speed,
        )

    def _images_per_second(self, batches: float, start: float) -> float:
        return round(batches * self._batch_size / (self._batch_end - start), 1)

    def _write(self, event: str, **fields: object) -> None:
        fields |= {"step": self._step, "epoch": self._epoch}
        fields["learning_rate"] = float(self.model.optimizer.learning_rate)
        self._save(partial(self._writer.write, event, **fields))
        if self._tensorboard is not None:
            self._save(partial(self._tensorboard.write, event, fields))

    def _save(self, write: Callable[[], object]) -> None:
        """Write a file that a run can do without: the disk may have room again when the model is exported."""
        try:
            write()
        except OSError as error:
            if not self._has_warned:
                message = f"mnistdash: some details of this run cannot be saved: {error.strerror or error}."
                print(message, file=sys.stderr)
            self._has_warned = True
