import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from page_text import text

from mnistdash.jobs import queue
from mnistdash.runs import recipes, run, snapshots, store
from mnistdash.runs.snapshots import EpochPredictions, NetworkView

STARTED = {"event": "started", "elapsed": 0.0, "running": True}
FITTING = {
    "event": "fitting",
    "elapsed": 4.0,
    "steps": 860,
    "epochs": 2,
    "batch_size": 128,
    "examples": 55_000,
    "data": "mnist",
}


def batch(step: int, elapsed: float) -> dict:
    return {
        "event": "batch",
        "elapsed": elapsed,
        "step": step,
        "epoch": 1,
        "loss": 0.5,
        "accuracy": 0.8,
        "images_per_second": 1280.0,
    }


@pytest.fixture
def no_training(monkeypatch, models):
    """Create the folders of new runs without training them."""
    monkeypatch.setattr(queue.JobQueue, "update", lambda self: None)


def progress(test) -> str:
    return test.get("progress")[0].proto.text


def test_runs_that_train_on_validation_images_carry_a_warning(page, make_run, with_sample):
    make_run("classic", "keras-cnn", events=[], card={"status": "finished", "validation_seen": True})
    make_run("plain", "softmax", events=[], card={"status": "finished", "validation_seen": False})
    test = page("train")
    test.selectbox(key="run").set_value("classic").run()
    warning = "Also trained on the validation images, so validation results are optimistic."
    assert warning in text(test)
    listed = test.table[-1].value.set_index("Run")["Validation accuracy"]
    assert listed["classic"].endswith("%*") and listed["plain"].endswith("%")
    test.selectbox(key="run").set_value("plain").run()
    assert warning not in text(test)


def test_every_recipe_is_offered_with_its_accuracy_and_settings(page, with_sample):
    test = page("train")
    for name, recipe in recipes.RECIPES.items():
        test.selectbox(key="recipe").set_value(name).run()
        assert recipe.summary in text(test)
        assert recipe.reaches in text(test)
        assert test.number_input(key=f"batch-{name}").value == recipe.batch_size
        assert test.number_input(key=f"rate-{name}").value == recipe.learning_rate
        assert test.number_input(key=f"epochs-{name}").value == recipe.epochs


@pytest.mark.slow
def test_start_trains_a_model_that_other_pages_offer(page, with_sample, offline, models):
    """Wait without a deadline: if the worker process dies, the run fails."""
    test = page("train")
    test.selectbox(key="recipe").set_value("softmax").run()
    test.number_input(key="epochs-softmax").set_value(3).run()
    test.button(key="start").click().run()
    assert not test.exception
    assert test.selectbox(key="run").value == "softmax-1"
    while store.load_run(models / "softmax-1").status in run.ACTIVE:
        time.sleep(0.2)
    test.run()
    assert not test.exception
    assert progress(test).startswith("Finished. Best epoch")
    assert test.button(key="stop").disabled
    for other in ("draw", "errors"):
        assert "softmax-1" in page(other).selectbox(key="model").options[0]


def test_the_settings_of_the_form_reach_the_run(page, with_sample, models, no_training):
    test = page("train")
    test.selectbox(key="recipe").set_value("flagship").run()
    test.number_input(key="epochs-flagship").set_value(4).run()
    test.number_input(key="batch-flagship").set_value(64).run()
    test.number_input(key="rate-flagship").set_value(0.01).run()
    test.number_input(key="seed-flagship").set_value(9).run()
    test.number_input(key="limit-sample-flagship").set_value(500).run()
    test.button(key="start").click().run()
    config = store.load_run(models / "flagship-1").config
    assert (config.epochs, config.batch_size, config.learning_rate, config.seed, config.limit) == (4, 64, 0.01, 9, 500)


@pytest.mark.slow
def test_schedule_optimizer_augmentation_and_precision_reach_the_run(page, with_sample, models, no_training):
    test = page("train")
    test.selectbox(key="recipe").set_value("flagship").run()
    for field, value in (
        ("schedule", "constant"),
        ("optimizer", "sgd"),
        ("augmentation", "off"),
        ("precision", "bfloat16"),
    ):
        test.selectbox(key=f"{field}-flagship").set_value(value).run()
    test.button(key="start").click().run()
    config = store.load_run(models / "flagship-1").config
    assert (config.schedule, config.optimizer, config.augmentation, config.precision) == (
        "constant",
        "sgd",
        False,
        "bfloat16",
    )


@pytest.mark.slow
def test_dropout_is_offered_if_the_network_has_it_and_reaches_the_run(page, with_sample, models, no_training):
    test = page("train")
    test.selectbox(key="recipe").set_value("keras-cnn").run()
    test.number_input(key="dropout-keras-cnn").set_value(0.2).run()
    test.button(key="start").click().run()
    assert store.load_run(models / "keras-cnn-1").config.dropout == 0.2
    test.selectbox(key="recipe").set_value("softmax").run()
    assert "Dropout" not in [field.label for field in test.number_input]


def test_a_batch_larger_than_the_data_is_refused(page, with_sample):
    test = page("train")
    test.selectbox(key="recipe").set_value("keras-cnn").run()
    test.number_input(key="batch-keras-cnn").set_value(2000).run()
    assert "2,000" in test.error[0].value and "1,497" in test.error[0].value
    assert test.button(key="start").disabled
    test.number_input(key="batch-keras-cnn").set_value(64).run()
    assert not test.error
    assert not test.button(key="start").disabled


@pytest.mark.slow
def test_a_sweep_queues_a_run_for_each_value_and_compares_them(page, with_sample, models, no_training):
    test = page("train")
    test.selectbox(key="recipe").set_value("softmax").run()
    test.selectbox(key="sweep-softmax").set_value("Learning rate").run()
    assert test.button(key="start").disabled, "no value entered yet"
    values = test.text_input(key="values-Learning rate")
    values.set_value("0.5, fast").run()
    assert '"fast" is not a number' in test.error[0].value
    assert test.button(key="start").disabled
    values.set_value("0.5, 0.1, 0.02").run()
    assert test.button(key="start").label == "Start 3 runs"
    test.button(key="start").click().run()
    assert not test.exception
    rates = [store.load_run(models / f"softmax-{number}").config.learning_rate for number in (1, 2, 3)]
    assert rates == [0.5, 0.1, 0.02]
    assert test.selectbox(key="run").value == "softmax-1"
    assert set(test.multiselect(key="compared").value) == {"softmax-2", "softmax-3"}
    assert "**Learning rate**" in set(test.table[0].value.iloc[:, 0])


def with_snapshots(make_run, sample, epochs: int = 3, **details) -> Path:
    """Make a run that misclassifies the first digit after epoch 1, the second after 2, both after 3."""
    folder = make_run("watched", "keras-cnn", events=[STARTED, {**FITTING, "data": "sample"}, batch(1, 6.0)])
    labels = sample.validation.labels
    for epoch, wrong in zip(range(1, epochs + 1), ([0], [1], [0, 1]), strict=False):
        probabilities = np.full((len(labels), 10), 0.01)
        probabilities[np.arange(len(labels)), labels] = 0.91
        probabilities[wrong] = np.roll(probabilities[wrong], 1, axis=1)
        maps = np.zeros((10, 8, 5, 5), np.uint8)
        snapshots.write_snapshot(
            folder,
            epoch,
            EpochPredictions.of(probabilities, labels),
            NetworkView(np.zeros((32, 3, 3), np.float32), [("Convolution, 32 channels of 5×5", maps)]),
        )
    return folder


@pytest.mark.slow
def test_errors_are_shown_for_each_epoch_with_forgotten_digits(page, with_sample, make_run):
    folder = with_snapshots(make_run, with_sample)
    test = page("train")
    test.segmented_control(key="view").set_value("Errors").run()
    assert not test.exception
    slider = test.select_slider(key="epoch-of-watched")
    assert slider.value == 3
    assert "2 of 200 validation digits are misclassified after epoch 3" in text(test)
    assert "mark the 2 forgotten digits" in text(test)
    slider.set_value(1).run()
    assert "1 of 200 validation digits are misclassified after epoch 1" in text(test)
    assert "mark the 0 forgotten digits" in text(test)
    shutil.copy(folder / "epochs" / "0003.npz", folder / "epochs" / "0004.npz")
    test.run()
    assert test.select_slider(key="epoch-of-watched").value == 1, "the slider stays at the chosen epoch"
    test.select_slider(key="epoch-of-watched").set_value(4).run()
    shutil.copy(folder / "epochs" / "0003.npz", folder / "epochs" / "0005.npz")
    test.run()
    assert test.select_slider(key="epoch-of-watched").value == 5, "at the last epoch, the slider follows the run"


@pytest.mark.slow
def test_features_show_filters_and_activations(page, with_sample, make_run):
    with_snapshots(make_run, with_sample)
    test = page("train")
    test.segmented_control(key="view").set_value("Features").run()
    test.segmented_control(key="activated").set_value(7).run()
    assert not test.exception
    assert text(test).count('alt="Filter') == 32
    assert "Convolution, 32 channels of 5×5" in text(test)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["Errors", "Features"])
def test_a_run_without_epoch_data_is_explained(page, with_sample, make_run, flagship, view):
    test = page("train")
    test.segmented_control(key="view").set_value(view).run()
    assert "This run was trained on different data." in text(test)
    make_run("new", "keras-cnn", events=[STARTED, {**FITTING, "data": "sample"}])
    test = page("train")
    test.segmented_control(key="view").set_value(view).run()
    assert test.selectbox(key="run").value == "new"
    assert "Available after the first epoch." in text(test)


@pytest.mark.slow
def test_a_run_on_other_data_shows_no_errors(page, with_sample, make_run):
    folder = with_snapshots(make_run, with_sample)
    events = folder / "events.jsonl"
    events.write_text(events.read_text().replace('"sample"', '"mnist"'))
    test = page("train")
    test.segmented_control(key="view").set_value("Errors").run()
    assert "This run was trained on different data." in text(test)


@pytest.mark.slow
def test_settings_default_to_the_recipe(page, with_sample, models, no_training):
    test = page("train")
    test.selectbox(key="recipe").set_value("softmax").run()
    test.button(key="start").click().run()
    config = store.load_run(models / "softmax-1").config
    assert (config.steps, config.epochs, config.batch_size, config.limit) == (1_000, None, 100, None)
    assert config.effective_recipe(recipes.RECIPES["softmax"]) == recipes.RECIPES["softmax"]


def test_a_failed_run_shows_the_reason(page, with_sample, make_run):
    reason = "The loss became not a number (NaN) at step 2."
    make_run("run", events=[STARTED, {"event": "ended", "elapsed": 5, "status": "failed", "reason": reason}])
    test = page("train")
    assert [error.value for error in test.error] == [reason]
    assert "failed" in test.table[0].value["Status"][0]


@pytest.mark.slow
def test_stop_reaches_a_run_of_another_server(page, with_sample, make_run):
    folder = make_run("run", events=[STARTED, FITTING, batch(1, 6.0)])
    test = page("train")
    assert not run.is_asked_to_stop(folder)
    test.button(key="stop").click().run()
    assert run.is_asked_to_stop(folder)
    assert progress(test) == "Stopping and saving the best weights"
    assert test.button(key="stop").disabled


def test_the_list_shows_every_run_with_its_status(page, with_sample, make_run, flagship):
    make_run("second", events=[STARTED])
    make_run("third", events=[STARTED, {"event": "ended", "elapsed": 5, "status": "stopped", "reason": ""}])
    table = page("train").table[0].value
    assert table["Run"].tolist() == ["third", "second", "flagship"]
    assert [status.split()[-1] for status in table["Status"]] == ["stopped", "running", "finished"]


@pytest.mark.slow
def test_a_typed_name_is_used_once(page, with_sample, models, no_training):
    test = page("train")
    test.text_input(key="name").set_value("first try").run()
    assert "first try" in test.error[0].value
    assert test.button(key="start").disabled
    test.text_input(key="name").set_value("first").run()
    test.button(key="start").click().run()
    assert not test.exception
    assert not test.error
    assert (models / "first").is_dir()
    assert test.text_input(key="name").value == ""
    test.text_input(key="name").set_value("first").run()
    assert "first" in test.error[0].value


@pytest.mark.slow
def test_the_runs_of_a_sweep_have_numbered_names(page, with_sample, models, no_training):
    test = page("train")
    test.text_input(key="name").set_value("seeds").run()
    test.selectbox(key="sweep-express").set_value("Seed").run()
    test.text_input(key="values-Seed").set_value("4, 5").run()
    test.button(key="start").click().run()
    assert [store.load_run(models / name).config.seed for name in ("seeds-1", "seeds-2")] == [4, 5]


@pytest.mark.slow
def test_a_run_is_renamed_and_stays_chosen(page, with_sample, flagship, models):
    shutil.copytree(flagship.folder, models / "mine")
    test = page("train")
    test.selectbox(key="run").set_value("mine").run()
    field = next(field for field in test.text_input if field.label == "New name")
    field.set_value("better")
    next(button for button in test.button if button.label == "Rename").click().run()
    assert not test.exception
    assert test.selectbox(key="run").value == "better"
    assert store.load_run(models / "better").card.name == "better"


@pytest.mark.slow
def test_a_taken_name_is_refused(page, with_sample, flagship, models):
    shutil.copytree(flagship.folder, models / "mine")
    test = page("train")
    test.selectbox(key="run").set_value("mine").run()
    next(field for field in test.text_input if field.label == "New name").set_value("flagship")
    next(button for button in test.button if button.label == "Rename").click().run()
    assert "flagship" in test.error[0].value
    assert (models / "mine").exists()


def test_the_shipped_model_cannot_be_deleted(page, with_sample, flagship):
    assert page("train").button(key="delete").disabled


def test_runs_are_compared_side_by_side(page, with_sample, flagship, make_run):
    make_run("other", "softmax", events=[STARTED, FITTING, batch(1, 6.0)])
    test = page("train")
    assert not any(heading.value == "Comparison" for heading in test.subheader)
    test.multiselect(key="compared").select(test.multiselect(key="compared").options[0]).run()
    assert not test.exception
    assert any(heading.value == "Comparison" for heading in test.subheader)
    table = test.table[0].value
    assert list(table.columns)[1:] == [test.selectbox(key="run").value, test.multiselect(key="compared").value[0]]
    assert "**Recipe**" in set(table.iloc[:, 0])


@pytest.mark.slow
def test_a_run_is_continued(page, with_sample, flagship, models, no_training):
    test = page("train")
    next(field for field in test.number_input if field.label == "More epochs").set_value(3)
    next(button for button in test.button if button.label == "Start" and button.key != "start").click().run()
    assert not test.exception
    config = store.load_run(models / "flagship-1").config
    assert (config.start, config.epochs) == ("flagship", 3)
    assert config.learning_rate == pytest.approx(flagship.config.learning_rate / 2)
    assert test.selectbox(key="run").value == "flagship-1"
