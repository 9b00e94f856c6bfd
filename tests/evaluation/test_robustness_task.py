import threading
from dataclasses import replace

import numpy as np
import pytest

from mnistdash.data.dataset import Split
from mnistdash.evaluation.robustness import stored
from mnistdash.evaluation.robustness_task import RobustnessTask


@pytest.fixture
def few(sample):
    """The sample with so few test digits that it is read in no time."""
    return replace(sample, test=Split(sample.test.images[:10], sample.test.labels[:10]))


def all_zeros(images: np.ndarray) -> np.ndarray:
    return np.eye(10, dtype=np.float32)[np.zeros(len(images), int)]


def test_it_can_be_watched_while_it_measures_and_is_kept(flagship, few):
    go_on, asked = threading.Event(), []

    def model(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        if len(asked) > 5:
            go_on.wait(10)
        return all_zeros(images)

    measuring = RobustnessTask(flagship, model, few, "test")
    assert not measuring.wait(0.2)
    assert 0 <= measuring.progress < 0.2
    go_on.set()
    assert measuring.wait(10)
    assert measuring.progress == 1
    assert measuring.result() == stored(flagship, "sample", "test")
    assert measuring.result().undisturbed == pytest.approx((few.test.labels == 0).mean())


def test_what_is_kept_is_there_at_once(flagship, few):
    made = RobustnessTask(flagship, all_zeros, few, "test").result()

    def model(images: np.ndarray) -> np.ndarray:
        raise AssertionError("nothing is to be read")

    again = RobustnessTask(flagship, model, few, "test")
    assert again.wait(0)
    assert again.result() == made


def test_a_failure_reaches_those_who_wait(flagship, few):
    def model(images: np.ndarray) -> np.ndarray:
        raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError, match="unforeseen"):
        RobustnessTask(flagship, model, few, "test").result()
