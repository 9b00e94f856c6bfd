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


def test_speed_is_shared_by_runs_that_are_equally_fast(tmp_path, config):
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


def test_machines_that_share_a_cache_folder_have_separate_speeds(tmp_path, config, monkeypatch):
    ThroughputCache(tmp_path).record_speed(config, batches(1.0, 5.0))
    monkeypatch.setattr("platform.node", lambda: "another")
    assert ThroughputCache(tmp_path).images_per_second(config) is None


def test_a_run_with_only_its_first_steps_has_no_speed(tmp_path, config):
    """The first steps include building the graph."""
    cache = ThroughputCache(tmp_path)
    for reported in (batches(), batches(10.0)):
        cache.record_speed(config, reported)
    assert cache.images_per_second(config) is None


def test_auto_precision_is_recorded_and_has_the_speed_of_that_precision(tmp_path, config):
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
def test_an_invalid_entry_is_ignored(tmp_path, config, entry):
    cache = ThroughputCache(tmp_path)
    cache.record_speed(config, batches(1.0, 5.0))
    cache.record_precision(config, "float32")
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text().replace("5.0", entry).replace('"float32"', entry))
    assert cache.images_per_second(config) is None


def test_a_read_only_cache_is_not_an_error(tmp_path, config):
    (tmp_path / "file").write_text("")
    ThroughputCache(tmp_path / "file").record_speed(config, batches(1.0, 5.0))


def test_training_time_includes_validation(config):
    # Two epochs of 1,000 images and 600 validation images; a validation image takes a third of the time.
    assert training_seconds(config, 100.0, 1_000, 600) == pytest.approx(2 * 1_200 / 100)
    # Two epochs are 20 steps of 100 images.
    assert training_seconds(replace(config, epochs=None, steps=20), 100.0, 1_000, 600) == pytest.approx(24)


def test_training_time_includes_generated_images(config):
    augmented = replace(config, augmentation=True)
    assert training_seconds(augmented, 100.0, 1_000, 0) == pytest.approx(2 * 1_620 / 100)


def test_every_recipe_has_a_reference_speed_that_augmentation_lowers(models):
    assert set(throughput.REFERENCE_SPEEDS) == set(RECIPES)
    for recipe in RECIPES.values():
        plain, augmented = (configure(recipe, models, augmentation=augmentation) for augmentation in (False, True))
        assert 0 < reference_speed(augmented) < reference_speed(plain)
