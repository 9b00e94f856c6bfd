import tensorflow as tf

from mnistdash.training.tensorboard import FOLDER, TensorBoardLog

EPOCH = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.25, "val_accuracy": 0.9, "learning_rate": 0.01}


def read(folder) -> list:
    (path,) = folder.glob("events.out.tfevents.*")
    return [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]


def test_log_contains_the_events_that_tensorboard_expects(tmp_path):
    log = TensorBoardLog(tmp_path)
    log.write("batch", {"step": 7, **EPOCH})
    log.write("epoch", {"epoch": 2, "step": 10, **EPOCH})
    training = read(tmp_path / FOLDER / "training")
    log.close()
    assert training[0].file_version == "brain.Event:2"
    batch, epoch = training[1:]
    assert (batch.step, epoch.step) == (7, 2)
    assert {value.tag for value in batch.summary.value} == {"batch_loss", "batch_accuracy"}
    validation = {value.tag: value.simple_value for value in read(tmp_path / FOLDER / "validation")[1].summary.value}
    assert validation == {"epoch_loss": 0.25, "epoch_accuracy": tf.constant(0.9).numpy()}
    assert all(abs(event.wall_time - training[0].wall_time) < 60 for event in training)
