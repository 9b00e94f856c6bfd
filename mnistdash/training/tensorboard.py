"""Writes what TensorBoard reads, without TensorBoard.

A log is a TFRecord file of `Event` messages; source: tensorflow/core/util/event.proto.
"""

import platform
import time
from pathlib import Path

import tensorflow as tf

FOLDER = "tensorboard"
CURVES = {  # as TensorBoard's own Keras callback names them
    "training": {"loss": "epoch_loss", "accuracy": "epoch_accuracy", "learning_rate": "epoch_learning_rate"},
    "validation": {"val_loss": "epoch_loss", "val_accuracy": "epoch_accuracy"},
}


class TensorBoardLog:
    """The scalars of one run, in a log for training and one for validation.

    Args:
        run: the run's folder; the logs are in `tensorboard/` within.
    """

    def __init__(self, run: Path):
        self._logs = {name: _open(run / FOLDER / name) for name in CURVES}

    def write(self, record: dict) -> None:
        """Add an event of `events`; only those of batches and epochs have anything to show."""
        if record["event"] == "batch":
            curves = {"training": {"loss": "batch_loss", "accuracy": "batch_accuracy"}}
            step = record["step"]
        elif record["event"] == "epoch":
            curves, step = CURVES, record["epoch"]
        else:
            return
        for log, names in curves.items():
            values = [tf.compat.v1.Summary.Value(tag=tag, simple_value=record[name]) for name, tag in names.items()]
            self._add(log, step=step, summary=tf.compat.v1.Summary(value=values))

    def close(self) -> None:
        for log in self._logs.values():
            log.close()

    def _add(self, log: str, **fields: object) -> None:
        self._logs[log].write(tf.compat.v1.Event(wall_time=time.time(), **fields).SerializeToString())
        self._logs[log].flush()


def _open(folder: Path) -> tf.io.TFRecordWriter:
    folder.mkdir(parents=True, exist_ok=True)
    log = tf.io.TFRecordWriter(str(folder / f"events.out.tfevents.{int(time.time())}.{platform.node()}"))
    log.write(tf.compat.v1.Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
    log.flush()
    return log
