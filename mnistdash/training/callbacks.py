"""Watches a network being fitted: reports events, keeps the best weights and what each epoch was like."""

import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.exceptions import TrainingError
from mnistdash.runs import snapshots
from mnistdash.runs.config import RunConfig
from mnistdash.runs.events import EventWriter
from mnistdash.runs.recipes import RECIPES, Recipe
from mnistdash.training import export, losses, memory
from mnistdash.training.dataset import TrainingSet
from mnistdash.training.inspection import Inspector
from mnistdash.training.tensorboard import TensorBoardLog

MOST_AT_ONCE = 10  # steps
BATCH_EVENT_EVERY = 0.5  # seconds: at most two batch events a second, after the first


@dataclass(frozen=True)
class StepPlan:
    """How long a run is: in optimizer steps, and in epochs of which the last may be cut short.

    Attributes:
        at_once: steps between two looks at how it goes. Keras needs about 1 ms for each look, a small network no more
            than a few for a step.
    """

    steps: int
    epochs: int
    at_once: int = 1

    @classmethod
    def from_config(cls, config: RunConfig, examples: int) -> "StepPlan":
        per_epoch = math.ceil(examples / config.batch_size)
        steps = config.steps or config.epochs * per_epoch
        most = RECIPES[config.recipe].images_at_once // config.batch_size
        # Keras takes that many, even where an epoch has fewer left.
        at_once = max(n for n in range(1, max(1, min(most, MOST_AT_ONCE)) + 1) if steps % n == per_epoch % n == 0)
        return cls(steps, math.ceil(steps / per_epoch), at_once)


class RunCallback(keras.callbacks.Callback):
    """Turns what happens while fitting into events and snapshots, obeys `stop`, and keeps the best weights.

    After each epoch it lets the network read the validation digits. Losses are those of one image,
    in nats, whatever the recipe's loss adds up.

    Args:
        network: what is trained, (n, 28, 28) float32 -> logits.
        recipe, plan, batch_size: how.
        validation: what chooses the best epoch.
        folder: of the run.
        writer: takes the events.
        stop: ends the run after the steps at hand.
        log: takes the same for TensorBoard.

    Attributes:
        best_weights: of the epoch with the best validation accuracy (of equals, the one with the
            lower loss), or of the last one if the recipe trains on validation; None before the first
            epoch's end.
        best_epoch: the epoch they come from, counted from 1.
        was_stopped: whether `stop` cut the run short.
    """

    def __init__(
        self,
        network: keras.Model,
        recipe: Recipe,
        plan: StepPlan,
        batch_size: int,
        validation: Split,
        folder: Path,
        writer: EventWriter,
        stop: threading.Event,
        log: TensorBoardLog | None = None,
    ):
        super().__init__()
        self._network, self._plan, self._writer, self._stop = network, plan, writer, stop
        self._batch_size, self._keep_last = batch_size, recipe.trains_on_validation
        self._summed = losses.images_per_loss(recipe, batch_size)
        self._validation, self._folder, self._log = validation, folder, log
        chosen = validation.images[snapshots.first_of_each_digit(validation.labels)]
        self._features = Inspector(network, chosen.astype(np.float32) / 255)
        self._step = 0
        self._told = False
        self._best = (-1.0, 0.0)
        self.best_weights: list[np.ndarray] | None = None
        self.best_epoch = 0
        self.was_stopped = False

    def on_train_begin(self, logs=None):
        self._reader = export.logit_predictor(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1
        self._in_epoch = 0
        self._epoch_began = self._last_report = time.monotonic()
        self._reported = {"batches": 0, "loss": 0.0, "accuracy": 0.0}

    def on_train_batch_end(self, batch, logs):
        is_first = not self._step
        self._step += batch + 1 - self._in_epoch
        self._in_epoch = batch + 1
        loss = float(logs["loss"]) / self._summed
        self._check("loss", loss)
        now = self._batch_ended = time.monotonic()
        if now - self._last_report >= BATCH_EVENT_EVERY or is_first:
            self._report_batches(now, loss, float(logs["accuracy"]))
        if is_first:
            memory.release_memory()  # what it took to build the graph
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
        self._write(
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
        result = self._read_validation()
        self._check("validation loss", result.loss)
        score = (result.accuracy, -result.loss)
        is_best = self._keep_last or self.best_weights is None or score > self._best
        if is_best:
            self._best, self.best_epoch = score, self._epoch
            self.best_weights = self._network.get_weights()
            # Even if this process is killed before its end, one can go on from them.
            self._keep(partial(export.save_weights, self.best_weights, self._folder))
        self._write(
            "epoch",
            epoch=self._epoch,
            step=self._step,
            loss=round(float(logs["loss"]) / self._summed, 6),
            accuracy=round(float(logs["accuracy"]), 6),
            val_loss=round(result.loss, 6),
            val_accuracy=round(result.accuracy, 6),
            learning_rate=float(self.model.optimizer.learning_rate),
            images_per_second=round(self._in_epoch * self._batch_size / seconds, 1),
            best=is_best,
        )
        # The point on the curves does not wait for these.
        details = self._features.snapshot() if snapshots.saves_network_view(self._epoch, self._plan.epochs) else None
        answers = snapshots.EpochPredictions.of(result.probabilities, result.labels)
        self._keep(partial(snapshots.write_snapshot, self._folder, self._epoch, answers, details))

    def on_train_end(self, logs=None):
        if self._log is not None:
            self._log.close()

    def _write(self, event: str, **fields: object) -> None:
        self._keep(partial(self._writer.write, event, **fields))
        if self._log is not None:
            self._keep(partial(self._log.write, self._writer.record(event, **fields)))

    def _keep(self, write: Callable[[], object]) -> None:
        """Write what training can do without: a disk that is full now may have room when the model is exported."""
        try:
            write()
        except OSError as error:
            if not self._told:
                print(f"mnistdash: not all can be kept of this run: {error.strerror or error}.", file=sys.stderr)
            self._told = True

    def _read_validation(self) -> Evaluation:
        logits = self._reader(TrainingSet.plain(self._validation))
        return Evaluation(self._validation.labels, export.probabilities(logits))
