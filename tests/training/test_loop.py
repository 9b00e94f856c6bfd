import errno
import hashlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny_mixture

from mnistdash.data.dataset import Dataset, Split
from mnistdash.exceptions import TrainingError
from mnistdash.inference.model import Model
from mnistdash.runs import store
from mnistdash.runs.card import Card
from mnistdash.runs.config import RunConfig, configure, resume_config
from mnistdash.runs.events import EventWriter, read_events
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import ThroughputCache
from mnistdash.runs.weights import WEIGHTS, load_weights
from mnistdash.training import callbacks, export, finish, loop, networks, precision

IMAGES = 100  # of each split


@dataclass(frozen=True)
class Trained:
    """A run that has ended."""

    card: Card | None
    folder: Path

    def events(self, kind: str) -> list[dict]:
        return [event for event in read_events(self.folder)[0] if event["event"] == kind]

    def weights(self) -> list[np.ndarray]:
        return load_weights(self.folder / WEIGHTS)


@pytest.fixture(scope="module")
def data(sample) -> Dataset:
    """A few digits of each split."""

    def part(split: Split) -> Split:
        return Split(split.images[:IMAGES], split.labels[:IMAGES])

    return replace(sample, train=part(sample.train), validation=part(sample.validation), test=part(sample.test))


def train_config(config: RunConfig, models: Path, data: Dataset, stop: threading.Event | None = None) -> Trained:
    folder = store.create_run(config, models)
    cache = ThroughputCache(models)
    return Trained(loop.train(config, folder, data, EventWriter(folder), stop or threading.Event(), cache), folder)


def train_recipe(models: Path, data: Dataset, recipe: str, stop: threading.Event | None = None, **settings) -> Trained:
    return train_config(configure(RECIPES[recipe], models, **{"batch_size": 20, **settings}), models, data, stop)


@pytest.fixture
def train(models, data) -> Callable[..., Trained]:
    """Train a recipe on a few digits: train("softmax", epochs=2)."""
    return partial(train_recipe, models, data)


@pytest.fixture
def fit(train, monkeypatch) -> Callable[..., Trained]:
    """Train without exporting and scoring the model; there is no card."""
    monkeypatch.setattr(loop, "finish", lambda *_: None)
    return train


@pytest.fixture(scope="module")
def softmax(tmp_path_factory, data) -> Trained:
    """A softmax run of 3 epochs with 5 steps each; tests must not change it."""
    return train_recipe(tmp_path_factory.mktemp("models"), data, "softmax", epochs=3)


def test_a_run_reports_its_plan_and_every_epoch_and_learns(softmax):
    (fitting,) = softmax.events("fitting")
    assert (fitting["epochs"], fitting["steps"], fitting["examples"]) == (3, 15, IMAGES)
    epochs = softmax.events("epoch")
    assert [(event["epoch"], event["step"]) for event in epochs] == [(1, 5), (2, 10), (3, 15)]
    for event in epochs:
        assert event.keys() >= {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "images_per_second"}
        assert event["learning_rate"] == 0.5
        assert event["images_per_second"] > 0
    assert epochs[-1]["val_accuracy"] > 0.5
    assert softmax.card.data == "sample"
    assert softmax.card.parameters == 7850


def test_a_run_leaves_its_model_and_weights(softmax):
    files = {"config.json", "epochs", "events.jsonl", "model.keras", "model.tflite", "card.json", "weights.npz"}
    assert {path.name for path in softmax.folder.iterdir()} == files


def test_a_run_reports_its_first_steps_and_the_end_of_every_epoch(softmax):
    """So that the line per batch begins at once and reaches the end, however fast the run is."""
    steps = [event["step"] for event in softmax.events("batch")]
    assert steps[0] == softmax.events("epoch")[0]["step"] or steps[0] < 5
    assert {5, 10, 15} <= set(steps)
    assert steps == sorted(set(steps))


@pytest.mark.slow
def test_batch_events_are_means_since_the_last_one(fit, monkeypatch):
    """Together they give the mean of the epoch."""
    monkeypatch.setattr(callbacks, "BATCH_EVENT_INTERVAL", 0.0)
    monkeypatch.setattr(callbacks, "MAX_STEPS_AT_ONCE", 1)
    run = fit("softmax", epochs=2, batch_size=25, limit=99)
    losses = np.array([event["loss"] for event in run.events("batch")]).reshape(2, 4)
    expected = [event["loss"] for event in run.events("epoch")]
    assert np.average(losses, axis=1, weights=[25, 25, 25, 24]) == pytest.approx(expected, rel=0.02)


@pytest.mark.slow
def test_batch_events_are_rare(fit, monkeypatch):
    monkeypatch.setattr(callbacks, "BATCH_EVENT_INTERVAL", 3600.0)
    monkeypatch.setattr(callbacks, "MAX_STEPS_AT_ONCE", 1)
    assert [event["step"] for event in fit("softmax", epochs=2).events("batch")] == [1, 5, 10]


def test_both_exported_files_give_the_probabilities_of_the_best_epoch(softmax, data):
    lite = Model(softmax.folder / "model.tflite", "it")(data.test.images)
    full = keras.models.load_model(softmax.folder / "model.keras")
    assert full.input_shape == (None, 28, 28)
    assert np.allclose(full.predict(data.test.images.astype(np.float32) / 255, verbose=0), lite, atol=1e-5)
    assert (lite.argmax(1) == data.test.labels).mean() == pytest.approx(softmax.card.test_accuracy, abs=1e-6)


@pytest.mark.slow
def test_a_recipe_of_steps_ends_within_an_epoch(fit, monkeypatch):
    monkeypatch.setitem(RECIPES, "softmax", replace(RECIPES["softmax"], steps=8))
    assert [event["step"] for event in fit("softmax").events("epoch")] == [5, 8]


@pytest.mark.slow
def test_the_weights_of_the_best_validation_accuracy_are_kept(train):
    """A learning rate far too high makes the accuracy jump up and down."""
    run = train("softmax", epochs=3, learning_rate=5.0)
    accuracies = [event["val_accuracy"] for event in run.events("epoch")]
    assert accuracies[run.card.best_epoch - 1] == max(accuracies)
    assert run.card.validation_accuracy == pytest.approx(max(accuracies), abs=1e-6)
    assert max(accuracies) != accuracies[-1], "otherwise this test shows nothing"


@pytest.mark.slow
def test_a_run_that_trains_on_validation_keeps_its_last_weights_and_says_so(train):
    run = train("softmax", epochs=3, learning_rate=5.0, trains_on_validation=True)
    assert run.events("fitting")[0]["examples"] == 2 * IMAGES
    assert run.card.best_epoch == 3
    assert run.card.validation_seen


@pytest.mark.slow
def test_a_recipe_that_trains_on_validation_can_leave_it_out(train, monkeypatch):
    monkeypatch.setitem(RECIPES, "softmax", replace(RECIPES["softmax"], trains_on_validation=True))
    run = train("softmax", epochs=1, trains_on_validation=False)
    assert run.events("fitting")[0]["examples"] == IMAGES
    assert not run.card.validation_seen


@pytest.mark.slow
def test_a_run_continues_from_anothers_weights(softmax, models, data):
    """Also from those of a run that was killed: it has weights, but no model."""
    folder = shutil.copytree(softmax.folder, models / softmax.folder.name)
    for name in ("card.json", "model.keras", "model.tflite"):
        (folder / name).unlink()
    config = resume_config(store.load_run(folder).config, models, epochs=1, learning_rate=0.01)
    assert (config.name, config.start) == ("softmax-1-1", "softmax-1")
    run = train_config(config, models, data)
    assert run.events("epoch")[0]["loss"] < softmax.events("epoch")[0]["loss"] / 1.5
    assert run.card.validation_accuracy >= softmax.card.validation_accuracy - 0.05


def test_weights_of_another_network_are_refused(softmax, models, data):
    shutil.copytree(softmax.folder, models / softmax.folder.name)
    config = replace(configure(RECIPES["express"], models, epochs=1), start=softmax.folder.name)
    with pytest.raises(TrainingError, match="The weights of softmax-1 do not fit this recipe"):
        train_config(config, models, data)


@pytest.mark.slow
def test_a_model_rebuilt_from_its_weights_is_the_same(softmax, models, data):
    folder = shutil.copytree(softmax.folder, models / softmax.folder.name)
    before = Model(folder / "model.tflite", "before")(data.test.images)
    for name in ("model.keras", "model.tflite"):
        (folder / name).unlink()
    card = finish.rebuild(folder, store.load_run(folder).config, softmax.card, data)
    assert np.allclose(Model(folder / "model.tflite", "after")(data.test.images), before, atol=1e-4)
    assert (card.test_accuracy, card.seconds, card.best_epoch, card.status) == (
        softmax.card.test_accuracy,
        softmax.card.seconds,
        softmax.card.best_epoch,
        softmax.card.status,
    )
    assert hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest() == card.sha256


@pytest.mark.slow
def test_a_full_disk_costs_events_and_weights_but_not_the_run(train, monkeypatch, capsys):
    """Every second "epoch" event fails, and all weights."""
    epochs = []

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def write(self: EventWriter, event: str, **fields: object) -> dict:
        if event == "epoch":
            epochs.append(event)
            if len(epochs) % 2:
                fail()
        return original(self, event, **fields)

    original = EventWriter.write
    monkeypatch.setattr(EventWriter, "write", write)
    monkeypatch.setattr(export, "save_weights", fail)
    run = train("softmax", epochs=4)
    assert run.card.test_accuracy > 0.3
    assert [event["epoch"] for event in run.events("epoch")] == [2, 4]
    assert not (run.folder / WEIGHTS).exists()
    assert capsys.readouterr().err.count("No space left on device") == 1


def stop_at_epoch(monkeypatch, number: int) -> threading.Event:
    """Return an event that is set when the epoch begins, counted from 1."""
    stop, original = threading.Event(), callbacks.RunCallback.on_epoch_begin

    def begin(self: callbacks.RunCallback, epoch: int, logs: dict | None = None) -> None:
        if epoch + 1 == number:
            stop.set()
        original(self, epoch, logs)

    monkeypatch.setattr(callbacks.RunCallback, "on_epoch_begin", begin)
    return stop


def test_a_stopped_run_keeps_its_best_weights(train, monkeypatch):
    run = train("softmax", stop_at_epoch(monkeypatch, 4), epochs=1_000)
    assert run.card.status == "stopped"
    assert (run.folder / "model.tflite").exists()
    accuracies = [event["val_accuracy"] for event in run.events("epoch")]
    assert len(accuracies) == 4
    assert run.card.validation_accuracy == pytest.approx(max(accuracies), abs=1e-6)


@pytest.mark.slow
def test_a_run_stopped_at_its_first_step_still_leaves_a_model(train, monkeypatch):
    monkeypatch.setattr(callbacks, "MAX_STEPS_AT_ONCE", 1)
    run = train("softmax", stop_at_epoch(monkeypatch, 1), epochs=5)
    assert run.card.status == "stopped"
    assert [event["step"] for event in run.events("epoch")] == [1]
    assert [event["step"] for event in run.events("batch")] == [1]


def test_a_run_stopped_before_its_first_step_ends_without_a_model(train):
    stop = threading.Event()
    stop.set()
    run = train("softmax", stop, epochs=5)
    assert run.card is None
    assert not run.events("epoch")
    assert {path.name for path in run.folder.iterdir()} == {"config.json", "events.jsonl"}


def test_a_loss_that_is_not_a_number_ends_the_run_at_once(train, models):
    with pytest.raises(TrainingError, match=r"The loss became (infinite|not a number \(NaN\)) at step \d+\."):
        train("softmax-naive", epochs=50, learning_rate=5.0)
    folder = models / "softmax-naive-1"
    assert not (folder / "card.json").exists()
    assert len(Trained(None, folder).events("epoch")) < 50


@pytest.mark.slow
def test_several_steps_at_once_are_the_same_steps(fit, monkeypatch):
    """No more and no fewer, on the same digits, with the same learning rates."""
    monkeypatch.setattr(callbacks, "BATCH_EVENT_INTERVAL", 0.0)
    at_once = fit("softmax", epochs=2, limit=80, schedule="cosine")
    assert [event["step"] for event in at_once.events("batch")] == [4, 8]
    assert [event["step"] for event in at_once.events("epoch")] == [4, 8]
    monkeypatch.setattr(callbacks, "MAX_STEPS_AT_ONCE", 1)
    one_by_one = fit("softmax", epochs=2, limit=80, schedule="cosine")
    for ours, expected in zip(at_once.weights(), one_by_one.weights(), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    for ours, expected in zip(at_once.events("epoch"), one_by_one.events("epoch"), strict=True):
        assert ours["loss"] == pytest.approx(expected["loss"], abs=1e-5)
        assert ours["val_loss"] == pytest.approx(expected["val_loss"], abs=1e-5)


@pytest.mark.slow
def test_a_schedule_ends_at_zero(fit):
    rates = [event["learning_rate"] for event in fit("softmax", epochs=4, schedule="cosine").events("epoch")]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[0] <= 0.5
    assert rates[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "is_same"), [(0, True), (1, False)])
def test_a_seed_repeats_a_run_exactly(softmax, fit, seed, is_same):
    again = fit("softmax", epochs=3, seed=seed)
    assert all(map(np.array_equal, softmax.weights(), again.weights())) == is_same


@pytest.mark.slow
def test_auto_is_the_faster_precision_and_gives_the_weights_of_that_precision(softmax, train, monkeypatch):
    """Timing it leaves no trace in the run, and happens once."""
    timed = []

    def seconds(model: keras.Model, batches: object) -> float:
        original(model, batches)
        timed.append(model)
        return 1.0 if len(timed) == 1 else 2.0

    original = precision._execution_seconds
    monkeypatch.setattr(precision, "MIN_SECONDS", 1e-9)
    monkeypatch.setattr(precision, "_execution_seconds", seconds)
    monkeypatch.setattr(loop, "finish", lambda *arguments: timed.append(arguments[1].precision))
    runs = [train("softmax", epochs=3, precision="auto") for _ in range(2)]
    assert timed[2:] == ["float32", "float32"]
    for run in runs:
        assert run.events("fitting")[0]["precision"] == "float32"
        assert all(map(np.array_equal, softmax.weights(), run.weights()))


@pytest.mark.parametrize(
    ("float32", "bfloat16", "faster"), [(2.0, 1.0, "bfloat16"), (1.0, 2.0, "float32"), (1.02, 1.0, "float32")]
)
def test_bfloat16_must_be_clearly_faster(monkeypatch, float32, bfloat16, faster):
    monkeypatch.setattr(precision, "_execution_seconds", lambda model, batches: model)
    assert precision.faster_precision({"float32": float32, "bfloat16": bfloat16}.__getitem__, None) == faster


def test_a_finished_run_records_its_speed(softmax):
    config = replace(store.load_run(softmax.folder).config, seed=7)
    recorded = ThroughputCache(softmax.folder.parent).images_per_second(config)
    speeds = [event["images_per_second"] for event in softmax.events("batch")]
    assert min(speeds) <= recorded <= max(speeds)


@pytest.mark.slow
def test_auto_on_an_older_gpu_is_float16(fit, monkeypatch):
    monkeypatch.setattr(loop, "gpu_precision", lambda: "float16")
    run = fit("softmax", epochs=2, precision="auto")
    assert run.events("fitting")[0]["precision"] == "float16"
    assert run.events("epoch")[-1]["val_accuracy"] > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_network_with_convolutions_trains_in_every_precision(train, name):
    run = train("express", epochs=1, limit=20, precision=name)
    assert run.card.precision == name
    assert not run.card.validation_seen
    assert run.card.parameters == networks.build(RECIPES["express"]).count_params()


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains(train, recipe, monkeypatch):
    """With few images and a small flagship, whose weights are exported in 8 bits, too."""
    monkeypatch.setitem(networks.NETWORKS, "flagship", tiny_mixture.mixture)
    card = train(recipe, epochs=1, limit=60, precision="bfloat16" if recipe == "flagship" else "float32").card
    assert card.recipe == recipe
    assert card.parameters == networks.build(RECIPES[recipe]).count_params()
    assert (card.bytes < 2 * card.parameters) == RECIPES[recipe].quantized


@pytest.mark.slow
def test_weights_in_8_bits_predict_nearly_the_same(flagship, sample):
    """The shipped model: an untrained one is sure of nothing, and would differ little in any case."""
    images = sample.test.images
    full = keras.models.load_model(flagship.folder / "model.keras")
    expected = full.predict(images.astype(np.float32) / 255, verbose=0)
    lite = Model(flagship.folder / "model.tflite", "it")
    found = lite(images)
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.98
    assert np.abs(found - expected).mean() < 0.005
    assert np.array_equal(lite(images[:1]), found[:1]), "each image is rounded by itself"
