import pytest
from keras import layers

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import Throughput, ThroughputCache
from mnistdash.training import benchmark, networks


@pytest.fixture
def config(models):
    return configure(RECIPES["softmax"], models, precision="auto")


def test_both_precisions_are_measured(config, sample):
    speed = benchmark.measure(config, sample)
    assert set(speed.steps) == {"float32", "bfloat16"}, "and never float16 on a CPU"
    assert all(0 < seconds < 1 for seconds in speed.steps.values())
    assert 0 < speed.reading < 0.1
    assert (speed.making, speed.made) == (0, 1)


def test_copies_and_what_is_no_digit_count_as_images(models, sample, monkeypatch):
    """Whatever the network is: a small one is built sooner."""
    monkeypatch.setitem(networks.NETWORKS, "flagship", lambda x, dropout: layers.Dense(11)(layers.Flatten()(x)))
    monkeypatch.setattr(benchmark, "LONGEST", 0.0)
    speed = benchmark.measure(configure(RECIPES["flagship"], models, batch_size=8), sample)
    assert 1.5 < speed.made < 2.0
    assert speed.making > 0


def test_auto_is_measured_once_and_kept(config, sample, tmp_path, monkeypatch):
    speeds = ThroughputCache(tmp_path)
    measured = []

    def measure(*_):
        measured.append(1)
        return Throughput({"float32": 0.2, "bfloat16": 0.1}, 0.001, 0.0, 1.0)

    monkeypatch.setattr(benchmark, "measure", measure)
    assert [benchmark.precision(config, sample, speeds) for _ in range(3)] == ["bfloat16"] * 3
    assert len(measured) == 1


def test_a_precision_that_was_chosen_is_taken_unmeasured(models, sample, tmp_path):
    config = configure(RECIPES["softmax"], models, precision="bfloat16")
    assert benchmark.precision(config, sample, ThroughputCache(tmp_path)) == "bfloat16"
    assert not list(tmp_path.glob("*.json"))


def test_it_is_given_up_when_something_else_is_to_be_done(config, sample):
    assert benchmark.measure(config, sample, cancelled=lambda: True) is None
