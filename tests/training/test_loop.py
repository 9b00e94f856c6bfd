import errno
import hashlib
import shutil
import threading
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnistdash.data.dataset import Dataset
from mnistdash.exceptions import TrainingError
from mnistdash.inference.model import Model
from mnistdash.runs import events, store
from mnistdash.runs.config import configure, resume_config
from mnistdash.runs.events import EventWriter
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.weights import WEIGHTS, load_weights
from mnistdash.training import callbacks, dataset, export, finish, loop, memory, networks, optimizers
from mnistdash.training.losses import MixtureCrossEntropy, NaiveCrossEntropy


@pytest.fixture(autouse=True)
def memory_is_kept(monkeypatch):
    """What this process gives back between two runs it would only take again, which takes longer than many a run."""
    monkeypatch.setattr(memory, "release_memory", lambda: None)


@pytest.fixture
def fit(models, sample):
    """Train a recipe on the offline sample: fit("softmax", epochs=2) -> its run and events."""
    return partial(fitted, models, sample)


@pytest.fixture(scope="module")
def short(tmp_path_factory, sample):
    """Short runs, each trained once for all tests: short("flagship") -> its folder, to be left as it is."""
    models = tmp_path_factory.mktemp("short")
    return cache(lambda recipe: fitted(models, sample, recipe, epochs=1, limit=300)[1])


def fitted(models: Path, sample: Dataset, recipe: str, stop: threading.Event | None = None, **settings):
    config = configure(RECIPES[recipe], models, **settings)
    folder = store.create_run(config, models)
    card = loop.train(config, folder, sample, EventWriter(folder), stop or threading.Event())
    return card, folder, events.read_events(folder)[0]


def set_before(method, event: threading.Event):
    """The method, with an event set as soon as it is called."""

    def call(*arguments, **options):
        event.set()
        return method(*arguments, **options)

    return call


def of_kind(found: list[dict], kind: str) -> list[dict]:
    return [event for event in found if event["event"] == kind]


def test_a_run_reports_its_plan_and_every_epoch_and_learns(fit):
    card, folder, found = fit("softmax", epochs=3)
    (fitting,) = of_kind(found, "fitting")
    assert (fitting["epochs"], fitting["steps"], fitting["examples"]) == (3, 39, 1297)
    epochs = of_kind(found, "epoch")
    assert [event["epoch"] for event in epochs] == [1, 2, 3]
    assert [event["step"] for event in epochs] == [13, 26, 39]
    for event in epochs:
        assert event.keys() >= {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "images_per_second"}
        assert event["learning_rate"] == 0.5
        assert event["images_per_second"] > 0
    assert epochs[-1]["val_accuracy"] > 0.7
    assert card.data == "sample"
    assert card.parameters == 7850
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "epochs",
        "events.jsonl",
        "model.keras",
        "model.tflite",
        "card.json",
        "weights.npz",
    }


def test_both_exported_files_give_the_probabilities_of_the_best_epoch(fit, sample):
    card, folder, _ = fit("softmax", epochs=2)
    images = sample.test.images[:20]
    lite = Model(folder / "model.tflite", "it")(images)
    full = keras.models.load_model(folder / "model.keras")
    assert full.input_shape == (None, 28, 28)
    assert np.allclose(full.predict(images.astype(np.float32) / 255, verbose=0), lite, atol=1e-5)
    read = Model(folder / "model.tflite", "it")(sample.test.images).argmax(1)
    assert (read == sample.test.labels).mean() == pytest.approx(card.test_accuracy, abs=1e-6)


def test_weights_in_8_bits_take_a_quarter_of_the_space(short):
    card = store.load_run(short("flagship")).card
    assert card.bytes < 1.1 * card.parameters


def test_weights_in_8_bits_say_nearly_the_same(flagship, sample):
    """As shipped: what was hardly trained is sure of nothing, and would differ little in any case."""
    images = sample.test.images
    full = keras.models.load_model(flagship.folder / "model.keras")
    expected = full.predict(images.astype(np.float32) / 255, verbose=0)
    lite = Model(flagship.folder / "model.tflite", "it")
    found = lite(images)
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.98
    assert np.abs(found - expected).mean() < 0.005
    assert np.array_equal(lite(images[:1]), found[:1]), "each image is rounded by itself"


def test_a_recipe_of_steps_stops_at_its_step(fit, monkeypatch):
    monkeypatch.setitem(RECIPES, "softmax", replace(RECIPES["softmax"], steps=20))
    _, _, found = fit("softmax")
    assert [event["step"] for event in of_kind(found, "epoch")] == [13, 20]


def test_the_weights_kept_are_those_of_the_best_validation_accuracy(fit):
    """A learning rate far too high makes the accuracy jump up and down."""
    card, _, found = fit("softmax", epochs=6, learning_rate=20.0)
    accuracies = [event["val_accuracy"] for event in of_kind(found, "epoch")]
    assert accuracies[card.best_epoch - 1] == max(accuracies)
    assert card.validation_accuracy == pytest.approx(max(accuracies), abs=1e-6)
    assert max(accuracies) != accuracies[-1], "or this test shows nothing"


def test_a_recipe_that_trains_on_validation_keeps_its_last_weights_and_says_so(fit, sample):
    card, _, found = fit("keras-cnn", epochs=2)
    assert of_kind(found, "fitting")[0]["examples"] == 1497
    assert card.best_epoch == 2
    assert card.validation_seen


def test_any_recipe_can_train_on_validation_and_any_can_leave_it_out(fit):
    card, _, found = fit("softmax", epochs=1, trains_on_validation=True)
    assert of_kind(found, "fitting")[0]["examples"] == 1497
    assert card.validation_seen
    card, _, found = fit("keras-cnn", epochs=1, trains_on_validation=False)
    assert of_kind(found, "fitting")[0]["examples"] == 1297
    assert not card.validation_seen


def test_limit_takes_that_many_training_images(sample):
    for recipe in RECIPES.values():
        images = dataset.make_training_set(sample, recipe, 50).images
        assert np.array_equal(images[:50], sample.train.images[:50])
        assert recipe.augmentation or len(images) == 50
    assert len(dataset.make_training_set(sample, RECIPES["keras-cnn"], 1400)) == 1400
    assert len(dataset.make_training_set(sample, RECIPES["softmax"], 5000)) == 1297


def test_a_recipe_that_refuses_trains_on_redrawn_digits_other_styles_and_on_what_is_no_digit(sample):
    made = dataset.make_training_set(sample, RECIPES["flagship"], 400, seed=1)
    others, redrawn = round(dataset.NON_DIGITS * 400), round(dataset.REDRAWN * 400)
    assert (made.labels == networks.NOT_A_DIGIT).nonzero()[0].tolist() == list(range(len(made) - others, len(made)))
    restyled = made.labels[400 : len(made) - others - redrawn]
    assert 20 < len(restyled) < 150
    assert set(restyled) <= {0, 1, 4, 7, 9}
    assert set(made.labels[len(made) - others - redrawn : len(made) - others]) == set(range(10))
    assert made.images.dtype == np.uint8


def test_what_is_as_mnists_writers_wrote_it_is_told_from_what_is_made(sample):
    made = dataset.make_training_set(sample, RECIPES["flagship"], 400, seed=1)
    assert made.written[:400].all()
    others, redrawn = round(dataset.NON_DIGITS * 400), round(dataset.REDRAWN * 400)
    copies = slice(len(made) - others - redrawn, len(made) - others)
    assert not made.written[400 : copies.start].any()
    assert not made.written[copies.stop :].any()
    own = {image.tobytes() for image in made.images[:400]}
    unchanged = [image.tobytes() in own for image in made.images[copies]]
    assert made.written[copies].tolist() == unchanged, "what cannot be redrawn stays as it was"
    assert 0 < sum(unchanged) < redrawn / 2


def test_a_run_goes_on_from_anothers_weights(fit, models, sample):
    card, folder, _ = fit("softmax", epochs=30, batch_size=50)
    config = resume_config(store.load_run(folder).config, models, epochs=1, learning_rate=0.01)
    assert (config.name, config.start) == ("softmax-1-1", "softmax-1")
    following = store.create_run(config, models)
    loop.train(config, following, sample, EventWriter(following), threading.Event())
    first_loss = of_kind(events.read_events(following)[0], "epoch")[0]["loss"]
    assert first_loss < of_kind(events.read_events(folder)[0], "epoch")[0]["loss"] / 2, "it does not begin anew"
    assert store.load_run(following).card.validation_accuracy >= card.validation_accuracy - 0.02


def test_a_killed_run_leaves_weights_to_go_on_from(fit, models, sample):
    """Before there is a model: what is left of its folder is as after the end of an epoch."""
    card, folder, _ = fit("softmax", epochs=30, batch_size=50)
    for path in (folder / "card.json", folder / "model.keras", folder / "model.tflite"):
        path.unlink()
    config = resume_config(store.load_run(folder).config, models, epochs=1, learning_rate=0.01)
    following = store.create_run(config, models)
    loop.train(config, following, sample, EventWriter(following), threading.Event())
    assert store.load_run(following).card.validation_accuracy >= card.validation_accuracy - 0.02


@pytest.mark.parametrize("recipe", ["softmax", "flagship"])
def test_a_model_built_anew_from_its_weights_reaches_the_same(short, models, sample, recipe):
    folder = shutil.copytree(short(recipe), models / short(recipe).name)
    card = store.load_run(folder).card
    before = Model(folder / "model.tflite", "before")(sample.test.images)
    for path in (folder / "model.keras", folder / "model.tflite"):
        path.unlink()
    again = finish.rebuild(folder, store.load_run(folder).config, card, sample)
    assert np.allclose(Model(folder / "model.tflite", "after")(sample.test.images), before, atol=1e-4)
    assert again.test_accuracy == pytest.approx(card.test_accuracy, abs=0.004)
    assert (again.seconds, again.best_epoch, again.status) == (card.seconds, card.best_epoch, card.status)
    assert hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest() == again.sha256


def test_a_full_disk_takes_events_and_weights_but_not_the_run(fit, models, monkeypatch, capsys):
    """Every second epoch's event fails, and all weights."""
    written = []

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def write(self, event, **fields):
        written.append(event)
        if event == "epoch" and written.count("epoch") % 2:
            fail()
        return original(self, event, **fields)

    original = EventWriter.write
    monkeypatch.setattr(EventWriter, "write", write)
    monkeypatch.setattr(export, "save_weights", fail)
    card, folder, found = fit("softmax", epochs=4)
    assert card.test_accuracy > 0.5
    assert [event["epoch"] for event in of_kind(found, "epoch")] == [2, 4]
    assert not (folder / "weights.npz").exists()
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_weights_of_another_network_are_refused(fit, models, sample):
    _, folder, _ = fit("softmax", epochs=1)
    config = replace(configure(RECIPES["keras-cnn"], models, epochs=1), start=folder.name)
    other = store.create_run(config, models)
    with pytest.raises(TrainingError, match="The weights of softmax-1 do not fit this recipe"):
        loop.train(config, other, sample, EventWriter(other), threading.Event())


def test_stopping_keeps_the_best_weights(fit, monkeypatch):
    stop, original = threading.Event(), callbacks.RunCallback.on_epoch_begin

    def begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 3:
            stop.set()
        original(self, epoch, logs)

    monkeypatch.setattr(callbacks.RunCallback, "on_epoch_begin", begin)
    card, folder, found = fit("softmax", stop, epochs=1_000)
    assert card.status == "stopped"
    assert (folder / "model.tflite").exists()
    accuracies = [event["val_accuracy"] for event in of_kind(found, "epoch")]
    assert len(accuracies) == 4
    assert card.validation_accuracy == pytest.approx(max(accuracies), abs=1e-6)


def test_stopping_at_the_first_step_still_leaves_a_model(fit, monkeypatch):
    stop = threading.Event()
    monkeypatch.setattr(callbacks.RunCallback, "on_epoch_begin", set_before(callbacks.RunCallback.on_epoch_begin, stop))
    card, _, found = fit("softmax", stop, epochs=5)
    assert card.status == "stopped"
    assert [event["step"] for event in of_kind(found, "epoch")] == [1]


def test_stopping_before_the_first_step_ends_without_a_model(fit):
    stop = threading.Event()
    stop.set()
    card, folder, found = fit("softmax", stop, epochs=5)
    assert card is None
    assert not of_kind(found, "epoch")
    assert {path.name for path in folder.iterdir()} == {"config.json", "events.jsonl"}


def test_a_loss_that_is_no_number_ends_the_run_at_once(fit, models):
    with pytest.raises(TrainingError, match=r"The loss became (infinite|not a number \(NaN\)) at step \d+\."):
        fit("softmax-naive", epochs=50, learning_rate=5.0)
    folder = models / "softmax-naive-1"
    assert not (folder / "card.json").exists()
    assert len(of_kind(events.read_events(folder)[0], "epoch")) < 50


@pytest.mark.parametrize(
    ("recipe", "examples", "settings", "at_once"),
    [
        ("softmax", 55_000, {}, 10),
        ("softmax", 55_000, {"epochs": 2}, 10),
        ("softmax", 1_297, {"epochs": 2}, 1),
        ("softmax", 1_200, {"epochs": 2}, 6),
        ("softmax", 5_500, {}, 5),
        ("keras-cnn", 60_000, {}, 7),
        ("keras-cnn", 60_000, {"batch_size": 4_096}, 1),
        ("flagship", 97_280, {}, 1),
    ],
)
def test_steps_at_once_divide_epochs_and_the_run_and_do_not_take_long(models, recipe, examples, settings, at_once):
    config = configure(RECIPES[recipe], models, **settings)
    plan = callbacks.StepPlan.from_config(config, examples)
    assert plan.at_once == at_once
    assert plan.steps % at_once == 0
    assert -(-examples // config.batch_size) % at_once == 0


def test_steps_at_once_are_the_steps_that_are_taken_one_by_one(fit, monkeypatch):
    """No more and no fewer, on the same digits, and the events tell them."""

    def trained():
        _, folder, found = fit("softmax", epochs=2, limit=1_200, schedule="cosine")
        return keras.models.load_model(folder / "model.keras").get_weights(), found

    monkeypatch.setattr(callbacks, "BATCH_EVENT_EVERY", 0.0)
    at_once, found = trained()
    assert [event["step"] for event in of_kind(found, "batch")] == [6, 12, 18, 24]
    assert [event["step"] for event in of_kind(found, "epoch")] == [12, 24]
    monkeypatch.setattr(callbacks, "MOST_AT_ONCE", 1)
    one_by_one, slower = trained()
    for ours, expected in zip(at_once, one_by_one, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    for ours, expected in zip(of_kind(found, "epoch"), of_kind(slower, "epoch"), strict=True):
        assert ours["loss"] == pytest.approx(expected["loss"], abs=1e-5)
        assert ours["val_loss"] == pytest.approx(expected["val_loss"], abs=1e-5)


def test_the_naive_loss_is_the_sum_over_the_batch():
    logits = np.array([[2.0, 0.0] + [-5.0] * 8, [0.0] * 10], np.float32)
    labels = np.array([0, 3], np.uint8)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(probabilities[[0, 1], labels]).sum()
    assert float(NaiveCrossEntropy()(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_members_that_vote_learn_each_by_itself():
    """The loss is the mean of what each member alone would have, and no member's depends on another's."""
    random = np.random.default_rng(0)
    members = random.normal(size=(3, 5, 11)).astype(np.float32)
    labels = np.array([0, 3, 10, 3, 9], np.uint8)
    usual = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    apart = np.mean([float(usual(labels, logits)) for logits in members])
    votes = np.mean([keras.ops.convert_to_numpy(keras.ops.log_softmax(logits)) for logits in members], axis=0)
    assert float(MixtureCrossEntropy()(labels, votes)) == pytest.approx(apart, rel=1e-5)
    assert float(usual(labels, votes)) < apart


def test_batch_events_are_rare_and_their_means_add_up(fit, monkeypatch):
    """Each tells the mean since the one before: together they must give the epoch's mean."""
    monkeypatch.setattr(callbacks, "BATCH_EVENT_EVERY", 0.0)
    _, _, found = fit("softmax", epochs=2, batch_size=1297)
    for batch, epoch in zip(of_kind(found, "batch"), of_kind(found, "epoch"), strict=True):
        assert batch["loss"] == pytest.approx(epoch["loss"], abs=1e-4)
    _, _, found = fit("softmax", epochs=1)
    losses = [event["loss"] for event in of_kind(found, "batch")]
    assert len(losses) == 13
    weights = [100] * 12 + [97]
    mean = np.average(losses, weights=weights)
    assert mean == pytest.approx(of_kind(found, "epoch")[0]["loss"], rel=0.01)
    monkeypatch.setattr(callbacks, "BATCH_EVENT_EVERY", 3600.0)
    assert [event["step"] for event in of_kind(fit("softmax", epochs=1)[2], "batch")] == [1], "the first at once"


@pytest.mark.parametrize(
    ("recipe", "seed", "is_same"), [("flagship", 0, True), ("softmax", 0, True), ("softmax", 1, False)]
)
def test_a_seed_repeats_a_run_exactly(fit, short, monkeypatch, recipe, seed, is_same):
    monkeypatch.setattr(finish, "finish", lambda *_: None)  # its weights are kept before
    _, again, _ = fit(recipe, epochs=1, limit=300, seed=seed)
    both = (load_weights(folder / WEIGHTS) for folder in (short(recipe), again))
    assert all(map(np.array_equal, *both)) == is_same


# The other recipes have no layer, and softmax-naive's loss no precision, that these have not.
IN_HALF_PRECISION = ("express", "flagship", "keras-cnn", "softmax")


@pytest.mark.parametrize(
    ("recipe", "precision"),
    [*((name, "float32") for name in RECIPES), *((name, "bfloat16") for name in IN_HALF_PRECISION)],
)
def test_every_recipe_trains_in_every_precision(fit, short, recipe, precision):
    folder = short(recipe) if precision == "float32" else fit(recipe, epochs=1, limit=100, precision=precision)[1]
    card = store.load_run(folder).card
    assert (card.recipe, card.precision) == (recipe, precision)
    assert not card.validation_seen, "with so few images"
    assert card.parameters == networks.build(RECIPES[recipe]).count_params()


def test_a_cosine_schedule_rises_and_ends_at_zero(fit):
    assert RECIPES["flagship"].schedule == "cosine"
    _, _, found = fit("softmax", epochs=4, limit=300, schedule="cosine", learning_rate=2e-3)
    rates = [event["learning_rate"] for event in of_kind(found, "epoch")]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[0] <= 2e-3
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_runs_are_fitted_to_batches_that_nothing_sleeps_behind(fit, monkeypatch):
    given, original = [], keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", lambda model, x, **rest: given.append(x) or original(model, x, **rest))
    fit("softmax", epochs=1)
    (batches,) = given
    assert batches.options().autotune.enabled is False


@pytest.mark.parametrize("schedule", [optimizers.Cosine, optimizers.OneCycle])
def test_a_graph_has_the_learning_rate_once_and_it_still_changes_with_the_step(schedule):
    rates = schedule(0.5, 10, 100)
    step = tf.Variable(0)

    @tf.function
    def twice():
        return rates(step), rates(step)

    first = twice()
    step.assign(5)
    second = twice()
    assert [float(rate) for rate in (*first, *second)] == pytest.approx([0, 0, 0.25, 0.25])
    assert float(rates(step)) == pytest.approx(0.25)
    operations = twice.get_concrete_function().graph.get_operations()
    assert sum(operation.type == "ReadVariableOp" for operation in operations) == 1
