from dataclasses import replace

import pytest

from mnistdash.runs import throughput
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import FILE_NAME, ThroughputCache, reference_speed, training_seconds


@pytest.fixture
def config(models):
    return configure(RECIPES["keras-cnn"], models, epochs=2, batch_size=100, precision="float32")


def batches(*speeds: float) -> list[dict]:
    return [{"event": "started"}, *({"event": "batch", "images_per_second": speed} for speed in speeds)]


def test_speed_is_recorded_for_runs_that_are_equally_fast(tmp_path, config):
    cache = ThroughputCache(tmp_path / "new")
    assert cache.images_per_second(config) is None
    cache.record_speed(config, batches(10.0, 3_000.0, 2_000.0, 2_900.0))
    similar = replace(config, epochs=7, seed=3, learning_rate=0.1)
    assert ThroughputCache(tmp_path / "new").images_per_second(similar) == 2_900
    for change in (
        {"batch_size": 50},
        {"optimizer": "sgd"},
        {"augmentation": True},
        {"recipe": "softmax"},
        {"precision": "bfloat16"},
    ):
        assert cache.images_per_second(replace(config, **change)) is None
    cache.record_speed(replace(config, batch_size=50), batches(1.0, 5.0))
    assert cache.images_per_second(config) == 2_900


def test_another_machine_with_the_same_cache_folder_has_speeds_of_its_own(tmp_path, config, monkeypatch):
    ThroughputCache(tmp_path).record_speed(config, batches(1.0, 5.0))
    monkeypatch.setattr("platform.node", lambda: "another")
    assert ThroughputCache(tmp_path).images_per_second(config) is None


def test_a_run_that_reported_only_its_first_steps_has_no_speed(tmp_path, config):
    """They include building the graph."""
    cache = ThroughputCache(tmp_path)
    for reported in (batches(), batches(10.0)):
        cache.record_speed(config, reported)
    assert cache.images_per_second(config) is None


def test_auto_precision_is_recorded_and_its_speed_is_that_of_the_precision(tmp_path, config):
    cache, auto = ThroughputCache(tmp_path), replace(config, precision="auto")
    cache.record_speed(config, batches(1.0, 5.0))
    assert (cache.precision(auto), cache.images_per_second(auto)) == (None, None)
    cache.record_precision(auto, "float32")
    assert (cache.precision(auto), cache.images_per_second(auto)) == ("float32", 5.0)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}', "null"])
def test_a_damaged_cache_file_counts_as_empty_and_is_replaced(tmp_path, config, content):
    (tmp_path / FILE_NAME).write_text(content)
    cache = ThroughputCache(tmp_path)
    assert cache.images_per_second(config) is None
    cache.record_speed(config, batches(1.0, 5.0))
    assert cache.images_per_second(config) == 5


@pytest.mark.parametrize("entry", ['"fast"', "-1.0", "null", "[]"])
def test_an_entry_that_is_no_speed_is_ignored(tmp_path, config, entry):
    cache = ThroughputCache(tmp_path)
    cache.record_speed(config, batches(1.0, 5.0))
    cache.record_precision(config, "float32")
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text().replace("5.0", entry).replace('"float32"', entry))
    assert cache.images_per_second(config) is None


def test_a_read_only_cache_is_no_error(tmp_path, config):
    (tmp_path / "file").write_text("")
    ThroughputCache(tmp_path / "file").record_speed(config, batches(1.0, 5.0))


def test_training_time_includes_validation(config):
    # Two epochs of 1,000 images and 600 validation images, each of which takes a third as long.
    assert training_seconds(config, 100.0, 1_000, 600) == pytest.approx(2 * 1_200 / 100)
    # 20 steps of 100 images are two epochs.
    assert training_seconds(replace(config, epochs=None, steps=20), 100.0, 1_000, 600) == pytest.approx(24)


def test_training_time_includes_images_that_are_made(config):
    augmented = replace(config, augmentation=True)
    assert training_seconds(augmented, 100.0, 1_000, 0) == pytest.approx(2 * 1_620 / 100)


def test_every_recipe_has_a_reference_speed_that_augmentation_lowers(models):
    assert set(throughput.REFERENCE_SPEEDS) == set(RECIPES)
    for recipe in RECIPES.values():
        plain, augmented = (configure(recipe, models, augmentation=augmentation) for augmentation in (False, True))
        assert 0 < reference_speed(augmented) < reference_speed(plain)
