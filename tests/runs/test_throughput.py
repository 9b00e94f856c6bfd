from dataclasses import replace

import pytest

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import FILE_NAME, Throughput, ThroughputCache

SPEED = Throughput(steps={"float32": 0.2, "bfloat16": 0.1}, reading=0.001, making=0.002, made=1.5)


@pytest.fixture
def config(models):
    return configure(RECIPES["keras-cnn"], models, epochs=2, batch_size=100, precision="auto")


def test_a_measurement_is_kept_for_runs_of_its_kind_only(tmp_path, config):
    speeds = ThroughputCache(tmp_path / "new")
    assert speeds.get(config) is None
    speeds.put(config, SPEED)
    assert ThroughputCache(tmp_path / "new").get(replace(config, epochs=7, seed=3, learning_rate=0.1)) == SPEED
    for change in ({"batch_size": 50}, {"optimizer": "sgd"}, {"augmentation": True}, {"recipe": "softmax"}):
        assert speeds.get(replace(config, **change)) is None
    speeds.put(replace(config, batch_size=50), SPEED)
    assert speeds.get(config) == SPEED, "another measurement leaves it alone"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}'])
def test_a_damaged_file_counts_as_nothing_measured(tmp_path, config, content):
    (tmp_path / FILE_NAME).write_text(content)
    assert ThroughputCache(tmp_path).get(config) is None


def test_a_measurement_by_another_version_counts_as_none(tmp_path, config):
    speeds = ThroughputCache(tmp_path)
    speeds.put(config, SPEED)
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text().replace("reading", "looking"))
    assert speeds.get(config) is None


def test_a_cache_that_cannot_be_written_to_is_no_error(tmp_path, config):
    (tmp_path / "file").write_text("")
    ThroughputCache(tmp_path / "file").put(config, SPEED)


def test_a_run_takes_its_steps_its_validation_and_the_making_of_its_images(config):
    # 1,000 digits make 1,500 images: 15 steps an epoch.
    expected = 1000 * 0.002 + 2 * 15 * 0.1 + 2 * 500 * 0.001
    assert SPEED.seconds(config, 1000, 500) == pytest.approx(expected)
    assert SPEED.seconds(replace(config, precision="float32"), 1000, 500) == pytest.approx(expected + 3.0)
    # 20 steps are two epochs, the second cut short.
    assert SPEED.seconds(replace(config, epochs=None, steps=20), 1000, 500) == pytest.approx(2 + 20 * 0.1 + 1.0)


def test_auto_takes_the_faster_and_float32_where_it_hardly_matters():
    assert SPEED.fastest == "bfloat16"
    assert replace(SPEED, steps={"float32": 0.1, "bfloat16": 0.2}).fastest == "float32"
    assert replace(SPEED, steps={"float32": 0.102, "bfloat16": 0.1}).fastest == "float32"
    assert replace(SPEED, steps={"float16": 0.1}).fastest == "float16"
