import gc
from dataclasses import replace

import numpy as np
import pytest

from mnistdash.runs.recipes import RECIPES
from mnistdash.training import dataset


@pytest.fixture
def digits() -> np.ndarray:
    """(100, 28, 28) uint8 at an address that TensorFlow can use."""
    random = np.random.default_rng(0)
    return dataset._joined([random.integers(0, 256, (50, 28, 28), np.uint8) for _ in range(2)])


def test_digits_are_not_copied_where_nothing_is_added_to_them(sample):
    made = dataset.make_training_set(sample, RECIPES["softmax"], 100)
    assert np.shares_memory(made.images, sample.train.images)
    assert len(made) == 100


def test_what_is_added_follows_the_digits_in_memory_that_tensorflow_can_use(sample):
    made = dataset.make_training_set(sample, RECIPES["keras-cnn"], None)
    assert np.array_equal(made.images, np.concatenate([sample.train.images, sample.validation.images]))
    assert np.array_equal(made.labels, np.concatenate([sample.train.labels, sample.validation.labels]))
    assert made.images.ctypes.data % dataset.ALIGNMENT == 0
    redrawn = dataset.make_training_set(sample, replace(RECIPES["softmax"], augmentation=True), 20)
    assert redrawn.images.ctypes.data % dataset.ALIGNMENT == 0


def test_a_tensor_uses_the_memory_of_an_array(digits):
    tensor = dataset.shared(digits)
    assert tensor.shape == (100, 28, 28)
    assert tensor.dtype == "uint8"
    digits[3, 4, 5] += 1
    assert np.array_equal(tensor.numpy(), digits)


def test_an_array_that_may_not_be_written_to_lives_as_long_as_its_tensor(digits):
    expected = digits.copy()
    digits.setflags(write=False)
    tensor = dataset.shared(digits)
    del digits
    gc.collect()
    assert np.array_equal(tensor.numpy(), expected)


def test_an_array_elsewhere_in_memory_stays_an_array(digits):
    moved = digits.reshape(-1)[1 : 1 + 10 * 784].reshape(10, 28, 28)
    assert dataset.shared(moved) is moved
    assert isinstance(dataset.shared(digits[:, ::2]), np.ndarray)


def test_batches_have_every_example_once_an_epoch_in_another_order_each_time():
    count = 10
    made = dataset.TrainingSet(
        np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8),
        np.arange(count, dtype=np.uint8),
        np.arange(count) % 2 == 0,
    )

    def epochs(seed: int | None) -> list[list[int]]:
        batches = list(made.batches(4, seed).take(9))
        assert [len(labels) for _, labels in batches] == [4, 4, 2] * (len(batches) // 3)
        for inputs, labels in batches:
            assert np.array_equal(inputs["pixels"][:, 5, 5], labels)
            assert np.array_equal(inputs["written"], labels % 2 == 0)
        read = np.concatenate([labels for _, labels in batches]).reshape(-1, count)
        assert (np.sort(read) == np.arange(count)).all()
        return read.tolist()

    assert epochs(None) == [list(range(count))]
    assert len(made.batches(4)) == 3
    first = epochs(1)
    assert len(first) == 3
    assert first == epochs(1) != epochs(2)
    assert first[0] != first[1] != first[2] != first[0]


def test_nothing_sleeps_after_the_last_batch(sample):
    """TensorFlow's automatic tuning sleeps ever longer, and who is done with the batches waits for it."""
    assert dataset.TrainingSet.plain(sample.test).batches(100).options().autotune.enabled is False
