"""TensorBoard logs, written without TensorBoard: `tf.summary` requires it.

A log is a TFRecord file of `Event` messages. Source: tensorflow/core/util/event.proto.
"""

import platform
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

FOLDER = "tensorboard"  # in a run's folder
EPOCH_TAGS = {  # as TensorBoard's own Keras callback names them
    "training": {"loss": "epoch_loss", "accuracy": "epoch_accuracy", "learning_rate": "epoch_learning_rate"},
    "validation": {"val_loss": "epoch_loss", "val_accuracy": "epoch_accuracy"},
}
BATCH_TAGS = {"training": {"loss": "batch_loss", "accuracy": "batch_accuracy"}}


class TensorBoardLog:
    """The scalars of one run: a log for training and one for validation.

    Args:
        run: the run's folder.
    """

    def __init__(self, run: Path):
        self._logs = {name: _open_log(run / FOLDER / name) for name in EPOCH_TAGS}

    def write(self, event: str, fields: dict[str, Any]) -> None:
        """Write the scalars of a "batch" or "epoch" event."""
        tags, step = (BATCH_TAGS, fields["step"]) if event == "batch" else (EPOCH_TAGS, fields["epoch"])
        for log, names in tags.items():
            values = [tf.compat.v1.Summary.Value(tag=tag, simple_value=fields[name]) for name, tag in names.items()]
            _write_event(self._logs[log], step=step, summary=tf.compat.v1.Summary(value=values))

    def close(self) -> None:
        """Close the files."""
        for log in self._logs.values():
            log.close()


def _open_log(folder: Path) -> tf.io.TFRecordWriter:
    folder.mkdir(parents=True, exist_ok=True)
    log = tf.io.TFRecordWriter(str(folder / f"events.out.tfevents.{int(time.time())}.{platform.node()}"))
    _write_event(log, file_version="brain.Event:2")
    return log


def _write_event(log: tf.io.TFRecordWriter, **fields: object) -> None:
    log.write(tf.compat.v1.Event(wall_time=time.time(), **fields).SerializeToString())
    log.flush()
