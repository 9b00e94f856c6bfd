import json
import shutil

import pytest

from mnistdash.runs import store
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import CONFIG, LOG, TFLITE
from mnistdash.runs.store import RunError
from mnistdash.settings import PROJECT
from mnistdash.system.atomic import atomic_write_json

DEAD = {"event": "started", "elapsed": 0}
STARTED = {**DEAD, "running": True}


def ended(status: str, reason: str = "") -> dict:
    return {"event": "ended", "elapsed": 9, "status": status, "reason": reason}


def test_a_run_is_read_back_as_it_was_configured(models):
    config = configure(RECIPES["softmax"], models, learning_rate=0.25)
    assert store.load_run(store.create_run(config, models)).config == config


def test_a_run_from_before_there_was_a_setting_follows_its_recipe(models):
    config = configure(RECIPES["softmax"], models)
    path = store.create_run(config, models) / CONFIG
    values = json.loads(path.read_text())
    for name in ("schedule", "optimizer", "augmentation"):
        del values[name]
    path.write_text(json.dumps(values))
    assert store.load_run(path.parent).config.effective_recipe(RECIPES["softmax"]) == RECIPES["softmax"]


@pytest.mark.parametrize(
    ("events", "card", "status"),
    [
        (None, None, "queued"),
        ([STARTED], None, "running"),
        ([STARTED], {"status": "finished"}, "finished"),
        ([STARTED, ended("finished")], {"status": "finished"}, "finished"),
        ([STARTED, ended("stopped")], None, "stopped"),
        ([DEAD, ended("failed", "Because.")], None, "failed"),
        ([DEAD], None, "failed"),
    ],
)
def test_the_status_follows_from_what_is_in_the_folder(make_run, events, card, status):
    assert store.load_run(make_run("run", events=events, card=card)).status == status


def test_a_run_whose_process_died_shows_the_end_of_its_log(make_run):
    folder = make_run("run", events=[DEAD])
    (folder / LOG).write_text("x" * 10_000 + "\nFatal Python error: Segmentation fault")
    run = store.load_run(folder)
    assert run.status == "failed"
    assert run.reason.endswith("Fatal Python error: Segmentation fault")
    assert len(run.reason) < 3_000


def test_runs_are_listed_newest_first_and_models_with_the_flagship_first(flagship, make_run, models):
    make_run("first", events=[DEAD, ended("finished")], card={"status": "finished"})
    make_run("second", events=[DEAD, ended("finished")], card={"status": "finished"})
    make_run("third", events=[DEAD])
    assert [run.name for run in store.list_runs(models)] == ["third", "second", "first", "flagship"]
    assert [run.name for run in store.list_models(models)] == ["flagship", "second", "first"]


def test_a_folder_that_cannot_be_read_hides_no_other(flagship, models):
    (models / "broken").mkdir()
    (models / "broken" / CONFIG).write_text("{")
    (models / "empty").mkdir()
    (models / "file").write_text("")
    assert [run.name for run in store.list_runs(models)] == ["flagship"]
    with pytest.raises(RunError, match="expected a JSON object"):
        store.load_run(models / "broken")


def test_there_may_be_no_folder_of_models_at_all(tmp_path):
    assert store.list_runs(tmp_path / "none") == []


def test_a_model_that_is_not_there_is_named_with_those_that_are(flagship, make_run, models):
    with pytest.raises(RunError, match=r"There is no model named nothing \(models: flagship\)"):
        store.load_trained_run("nothing", models)
    make_run("half", events=[DEAD])
    with pytest.raises(RunError, match="half is failed and has no model"):
        store.load_trained_run("half", models)
    with pytest.raises(RunError, match="cannot be a run's name"):
        store.load_trained_run("../flagship", models)


def test_deleting_takes_the_whole_folder(flagship, models):
    store.delete_folder(flagship.folder)
    assert list(models.iterdir()) == []


def test_renaming_takes_the_whole_run_along(flagship, models):
    shutil.copytree(flagship.folder, models / "mine")
    store.rename_run(store.load_run(models / "mine"), "better")
    run = store.load_run(models / "better")
    assert not (models / "mine").exists()
    assert run.config.name == run.card.name == "better"
    assert (run.folder / TFLITE).read_bytes() == (flagship.folder / TFLITE).read_bytes()


@pytest.mark.parametrize("name", ["other", "../elsewhere", "", "Two Words"])
def test_a_name_that_is_taken_or_none_is_refused_and_nothing_changes(flagship, make_run, models, name):
    make_run("other", "softmax")
    shutil.copytree(flagship.folder, models / "mine")
    with pytest.raises(RunError):
        store.rename_run(store.load_run(models / "mine"), name)
    assert store.load_run(models / "mine").card is not None
    assert {path.name for path in models.iterdir()} == {"flagship", "other", "mine"}


def test_a_run_that_trains_and_the_shipped_model_can_be_neither_renamed_nor_deleted(flagship, make_run, models):
    make_run("busy", "softmax", events=[STARTED])
    for run, why in ((store.load_run(models / "busy"), "stop it first"), (flagship, "comes with the dashboard")):
        with pytest.raises(RunError, match=why):
            store.rename_run(run, "other")
        with pytest.raises(RunError, match=why):
            store.remove_run(run)
        assert run.folder.exists()


def test_a_run_is_removed_for_good(make_run, models):
    make_run("old", "softmax", events=[STARTED, ended("failed", "why")])
    store.remove_run(store.load_run(models / "old"))
    assert not any("old" in path.name for path in models.rglob("*"))


def test_the_version_changes_with_the_model(flagship):
    before = flagship.version
    tflite = flagship.folder / TFLITE
    tflite.write_bytes(tflite.read_bytes())
    assert flagship.version != before


def test_the_shipped_model_is_small_and_as_good_as_it_says():
    card = store.load_trained_run("flagship", PROJECT / "models").card
    assert card.bytes <= 8_000_000
    assert card.test_accuracy >= 0.997
    assert card.data == "mnist"


def test_a_file_that_changes_is_read_again(make_run):
    """Also within the same moment, and with the same length."""
    folder = make_run("run", events=[STARTED, ended("stopped")])
    assert store.load_run(folder).config.seed == 0
    config = json.loads((folder / CONFIG).read_text())
    for seed in range(1, 6):
        atomic_write_json(folder / CONFIG, config | {"seed": seed})
        assert store.load_run(folder).config.seed == seed
    assert store.load_run(folder).status == "stopped"
    write_event = json.dumps(ended("failed", "x")) + "\n"
    with (folder / "events.jsonl").open("a") as file:
        file.write(write_event)
    assert store.load_run(folder).status == "failed"
