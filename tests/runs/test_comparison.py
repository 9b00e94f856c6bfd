import shutil

from run_events import FITTING, STARTED, epoch

from mnistdash.runs import comparison, store
from mnistdash.runs.history import History


def test_settings_that_differ_come_first(make_run, models):
    make_run("a", "softmax")
    make_run("b", "keras-cnn")
    rows = comparison.compare_settings([store.load_run(models / name) for name in ("a", "b")])
    differs = [row[2] for row in rows]
    assert differs == sorted(differs, reverse=True)
    by_name = {name: values for name, values, _ in rows}
    assert by_name["Recipe"] == ["softmax", "keras-cnn"]
    assert by_name["Epochs"] == ["1,000 steps", "12"]
    assert by_name["Augmentation"] == ["off", "off"]
    assert by_name["Validation images"] == ["left out", "trained on"]
    assert set(by_name) == set(comparison.SETTINGS)


def test_equal_runs_do_not_differ(flagship, models):
    shutil.copytree(flagship.folder, models / "twin")
    assert not any(
        differs for _, _, differs in comparison.compare_settings([flagship, store.load_run(models / "twin")])
    )


def test_results_of_a_run_without_a_model_are_dashes(flagship, make_run, models):
    make_run("new", "softmax")
    histories = [History().extended([STARTED, FITTING, epoch(1, 9.0), epoch(2, 12.0)]), History().extended([])]
    found = dict(comparison.compare_results([flagship, store.load_run(models / "new")], histories))
    assert found["Test accuracy"] == [f"{flagship.card.test_accuracy:.2%}", "–"]
    assert found["Images per second"] == ["500", "–"]


def test_auto_precision_shows_the_chosen_precision(make_run, models):
    make_run("a", "keras-cnn", card={"precision": "bfloat16"})
    config = models / "a" / "config.json"
    config.write_text(config.read_text().replace('"precision": "float32"', '"precision": "auto"'))
    by_name = {name: values for name, values, _ in comparison.compare_settings([store.load_run(models / "a")])}
    assert by_name["Precision"] == ["auto: bfloat16"]
    assert by_name["Dropout"] == ["0.5"]
