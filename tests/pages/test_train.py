import shutil
import time

import pytest
from page_text import text

from mnistdash import recipes, runs
from mnistdash.processes import Process

CURRENT = Process.current()
STARTED = {"event": "started", "elapsed": 0.0, "pid": CURRENT.pid, "process_created": CURRENT.created}
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


def progress(test) -> str:
    return test.get("progress")[0].proto.text


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_is_offered_with_a_sentence_and_its_published_figure(page, with_sample, name):
    test = page("train")
    test.selectbox(key="recipe").set_value(name).run()
    recipe = recipes.RECIPES[name]
    assert recipe.summary in text(test)
    assert recipe.reaches in text(test)
    assert test.number_input(key=f"batch-{name}").value == recipe.batch_size
    assert test.number_input(key=f"rate-{name}").value == recipe.learning_rate
    assert test.number_input(key=f"epochs-{name}").value == recipe.epochs


def test_start_trains_and_the_model_is_offered_everywhere(page, with_sample, offline, models):
    """The whole way, with a real child process."""
    test = page("train")
    test.selectbox(key="recipe").set_value("softmax").run()
    test.number_input(key="epochs-softmax").set_value(3).run()
    test.button(key="start").click().run()
    assert not test.exception
    assert test.selectbox(key="run").value == "softmax-1"
    deadline = time.monotonic() + 90
    while runs.load(models / "softmax-1").status in runs.ACTIVE:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    test.run()
    assert not test.exception
    assert progress(test).startswith("Finished. Best epoch")
    assert test.button(key="stop").disabled
    for other in ("draw", "errors"):
        assert "softmax-1" in page(other).selectbox(key="model").options[0]


def test_the_settings_of_the_form_reach_the_run(page, with_sample, models, monkeypatch):
    from mnistdash import jobs

    monkeypatch.setattr(jobs.Jobs, "submit", lambda self, config: runs.create(config, models))
    test = page("train")
    test.number_input(key="epochs-flagship").set_value(4).run()
    test.number_input(key="batch-flagship").set_value(64).run()
    test.number_input(key="rate-flagship").set_value(0.01).run()
    test.number_input(key="seed-flagship").set_value(9).run()
    test.number_input(key="limit-flagship-sample").set_value(500).run()
    test.button(key="start").click().run()
    config = runs.load(models / "flagship-1").config
    assert (config.epochs, config.batch_size, config.learning_rate, config.seed, config.limit) == (4, 64, 0.01, 9, 500)


def test_schedule_optimizer_augmentation_and_precision_reach_the_run(page, with_sample, models, monkeypatch):
    from mnistdash import jobs

    monkeypatch.setattr(jobs.Jobs, "submit", lambda self, config: runs.create(config, models))
    test = page("train")
    for field, value in (
        ("schedule", "constant"),
        ("optimizer", "sgd"),
        ("augmentation", "off"),
        ("precision", "bfloat16"),
    ):
        test.selectbox(key=f"{field}-flagship").set_value(value).run()
    test.button(key="start").click().run()
    config = runs.load(models / "flagship-1").config
    assert (config.schedule, config.optimizer, config.augmentation, config.precision) == (
        "constant",
        "sgd",
        False,
        "bfloat16",
    )


def test_untouched_settings_are_the_recipes_own(page, with_sample, models, monkeypatch):
    from mnistdash import jobs

    monkeypatch.setattr(jobs.Jobs, "submit", lambda self, config: runs.create(config, models))
    test = page("train")
    test.selectbox(key="recipe").set_value("softmax").run()
    test.button(key="start").click().run()
    config = runs.load(models / "softmax-1").config
    assert (config.steps, config.epochs, config.batch_size, config.limit) == (1_000, None, 100, None)
    assert config.adjusted(recipes.RECIPES["softmax"]) == recipes.RECIPES["softmax"]


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([STARTED], "Starting"),
        ([STARTED, FITTING], "Epoch 1 of 2: the first steps."),
        ([STARTED, FITTING, batch(1, 6.0)], "Epoch 1 of 2: the first steps."),
        (
            [STARTED, FITTING, batch(1, 6.0), batch(501, 16.0)],
            "Epoch 2 of 2, step 501 of 860 · 7 s left · 1,280 images/s",
        ),
        (
            [STARTED, FITTING, batch(1, 6.0), {**batch(501, 16.0), "learning_rate": 0.00123}],
            "Epoch 2 of 2, step 501 of 860 · 7 s left · 1,280 images/s · learning rate 0.0012",
        ),
        ([STARTED, FITTING, batch(1, 6.0), batch(860, 16.0)], "Scoring and exporting the best epoch."),
    ],
)
def test_progress_says_how_far_a_run_is(page, with_sample, make_run, events, says):
    make_run("run", "flagship", events=events)
    assert progress(page("train")).startswith(says)


def test_a_failed_run_says_why(page, with_sample, make_run):
    reason = "The loss became not a number (NaN) at step 2."
    make_run("run", events=[STARTED, {"event": "ended", "elapsed": 5, "status": "failed", "reason": reason}])
    test = page("train")
    assert [error.value for error in test.error] == [reason]
    assert "failed" in test.table[0].value["Status"][0]


def test_a_run_of_another_process_cannot_be_stopped_here(page, with_sample, make_run):
    """One that was started on the command line listens to its own terminal."""
    make_run("run", events=[STARTED, FITTING, batch(1, 6.0)])
    assert page("train").button(key="stop").disabled


def test_the_list_shows_every_run_with_its_status(page, with_sample, make_run, flagship):
    make_run("second", events=[STARTED])
    make_run("third", events=[STARTED, {"event": "ended", "elapsed": 5, "status": "stopped", "reason": ""}])
    table = page("train").table[0].value
    assert table["Run"].tolist() == ["third", "second", "flagship"]
    assert [status.split()[-1] for status in table["Status"]] == ["stopped", "running", "finished"]


def test_a_run_is_renamed_and_stays_chosen(page, with_sample, flagship, models):
    shutil.copytree(flagship.folder, models / "mine")
    test = page("train")
    test.selectbox(key="run").set_value("mine").run()
    field = next(field for field in test.text_input if field.label == "New name")
    field.set_value("better")
    next(button for button in test.button if button.label == "Rename").click().run()
    assert not test.exception
    assert test.selectbox(key="run").value == "better"
    assert runs.load(models / "better").card.name == "better"


def test_a_name_that_will_not_do_is_refused_on_the_page(page, with_sample, flagship, models):
    shutil.copytree(flagship.folder, models / "mine")
    test = page("train")
    test.selectbox(key="run").set_value("mine").run()
    next(field for field in test.text_input if field.label == "New name").set_value("flagship")
    next(button for button in test.button if button.label == "Rename").click().run()
    assert "There is a run named flagship already" in test.error[0].value
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


def test_a_run_is_continued_from_the_page(page, with_sample, flagship, models, monkeypatch):
    from mnistdash import jobs

    monkeypatch.setattr(jobs.Jobs, "submit", lambda self, config: runs.create(config, models))
    test = page("train")
    next(field for field in test.number_input if field.label == "More epochs").set_value(3)
    next(button for button in test.button if button.label == "Start" and button.key != "start").click().run()
    assert not test.exception
    config = runs.load(models / "flagship-1").config
    assert (config.start, config.epochs) == ("flagship", 3)
    assert config.learning_rate == pytest.approx(flagship.config.learning_rate / 2)
    assert test.selectbox(key="run").value == "flagship-1"
