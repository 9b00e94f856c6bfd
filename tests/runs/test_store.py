import json
import shutil

import pytest

from mnistdash.exceptions import RunError
from mnistdash.runs import annotations, snapshots, store
from mnistdash.runs.config import configure
from mnistdash.runs.history import HistoryReader
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import CONFIG, LOG, TFLITE, check_model
from mnistdash.runs.weights import WEIGHTS, load_weights
from mnistdash.settings import PROJECT
from mnistdash.system.atomic import atomic_write_json

DEAD = {"event": "started", "elapsed": 0}
STARTED = {**DEAD, "running": True}


def ended(status: str, reason: str = "") -> dict:
    return {"event": "ended", "elapsed": 9, "status": status, "reason": reason}


def test_a_stored_run_keeps_its_settings(models):
    config = configure(RECIPES["softmax"], models, learning_rate=0.25)
    assert store.load_run(store.create_run(config, models)).config == config


def test_a_run_stored_without_a_setting_follows_its_recipe(models):
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
def test_the_status_follows_from_the_files(make_run, events, card, status):
    assert store.load_run(make_run("run", events=events, card=card)).status == status


def test_a_run_whose_process_died_quotes_the_end_of_its_log(make_run):
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


def test_an_unreadable_folder_does_not_hide_the_others(flagship, models):
    (models / "broken").mkdir()
    (models / "broken" / CONFIG).write_text("{")
    (models / "empty").mkdir()
    (models / "file").write_text("")
    assert [run.name for run in store.list_runs(models)] == ["flagship"]
    with pytest.raises(RunError, match=r"broken/config\.json: not valid JSON"):
        store.load_run(models / "broken")


@pytest.mark.parametrize("value", ["5000", "true", "NaN", "1" + 309 * "0", '"128"'])
def test_a_run_with_an_invalid_setting_is_listed_as_unreadable(flagship, make_run, models, value):
    config = make_run("invalid", "softmax") / CONFIG
    config.write_text(config.read_text().replace('"batch_size": 100', f'"batch_size": {value}'))
    runs, (problem,) = store.scan_runs(models)
    assert [run.name for run in runs] == ["flagship"]
    assert problem.startswith("invalid/config.json: batch size must be ")


def test_a_run_with_an_invalid_card_has_failed_with_a_reason(make_run):
    run = store.load_run(make_run("mine", events=[STARTED], card={"test_accuracy": 99.1}))
    assert (run.status, run.card) == ("failed", None)
    assert run.reason == "mine/card.json: test accuracy must be at most 1, not 99.1."


def test_a_run_of_version_0_1_0_opens(old_run):
    """Load its settings, results, curves, annotations, predictions and activations."""
    assert (old_run.status, old_run.reason) == ("finished", "")
    assert (old_run.config.recipe, old_run.config.epochs, old_run.config.batch_size) == ("softmax", 2, 50)
    assert old_run.card.test_accuracy == 0.853333
    check_model(old_run)
    history = HistoryReader(old_run.folder).read()
    assert (history.phase, history.step, history.data) == ("ended", 52, "sample")
    assert [epoch.val_accuracy for epoch in history.epochs] == [0.75, 0.815]
    assert history.why_sample.startswith("MNIST could not be downloaded")
    assert annotations.load_annotations(old_run, "sample", "test")[3].note == "like a 9"
    assert snapshots.snapshot_epochs(old_run.folder) == [1, 2]
    assert len(snapshots.read_snapshot(old_run.folder, 2)[0].predicted) == 200
    assert snapshots.read_snapshot(old_run.folder, 2)[1].filters.shape == (10, 28, 28)
    assert [array.shape for array in load_weights(old_run.folder / WEIGHTS)] == [(784, 10), (10,)]


def test_the_folder_of_models_may_be_missing(tmp_path):
    assert store.list_runs(tmp_path / "none") == []


def test_the_error_for_a_missing_model_lists_the_existing_ones(flagship, make_run, models):
    with pytest.raises(RunError, match=r"There is no model named nothing \(models: flagship\)"):
        store.load_trained_run("nothing", models)
    make_run("half", events=[DEAD])
    with pytest.raises(RunError, match="half is failed and has no model"):
        store.load_trained_run("half", models)
    with pytest.raises(RunError, match="cannot be a run's name"):
        store.load_trained_run("../flagship", models)


def test_deleting_removes_the_whole_folder(flagship, models):
    store.delete_folder(flagship.folder)
    assert list(models.iterdir()) == []


def test_renaming_keeps_the_whole_run(flagship, models):
    shutil.copytree(flagship.folder, models / "mine")
    store.rename_run(store.load_run(models / "mine"), "better")
    run = store.load_run(models / "better")
    assert not (models / "mine").exists()
    assert run.config.name == run.card.name == "better"
    assert (run.folder / TFLITE).read_bytes() == (flagship.folder / TFLITE).read_bytes()


@pytest.mark.parametrize("name", ["other", "../elsewhere", "", "Two Words"])
def test_a_taken_or_invalid_name_is_refused_and_nothing_changes(flagship, make_run, models, name):
    make_run("other", "softmax")
    shutil.copytree(flagship.folder, models / "mine")
    with pytest.raises(RunError):
        store.rename_run(store.load_run(models / "mine"), name)
    assert store.load_run(models / "mine").card is not None
    assert {path.name for path in models.iterdir()} == {"flagship", "other", "mine"}


def test_an_active_run_and_the_shipped_model_are_never_renamed_or_deleted(flagship, make_run, models):
    make_run("busy", "softmax", events=[STARTED])
    for run, why in ((store.load_run(models / "busy"), "stop it first"), (flagship, "comes with the dashboard")):
        with pytest.raises(RunError, match=why):
            store.rename_run(run, "other")
        with pytest.raises(RunError, match=why):
            store.remove_run(run)
        assert run.folder.exists()


def test_a_removed_run_leaves_nothing_behind(make_run, models):
    make_run("old", "softmax", events=[STARTED, ended("failed", "why")])
    store.remove_run(store.load_run(models / "old"))
    assert not any("old" in path.name for path in models.rglob("*"))


def test_the_version_changes_with_the_model(flagship):
    before = flagship.version
    tflite = flagship.folder / TFLITE
    tflite.write_bytes(tflite.read_bytes())
    assert flagship.version != before


def test_the_shipped_model_is_small_and_accurate():
    card = store.load_trained_run("flagship", PROJECT / "models").card
    assert card.bytes <= 8_000_000
    assert card.test_accuracy >= 0.997
    assert card.data == "mnist"


def test_a_changed_file_is_read_again(make_run):
    """Even a file of the same length is read again within one clock tick."""
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
