from dataclasses import replace

import numpy as np
import pytest

from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import images_per_digit
from mnistdash.training import dataset, networks
from mnistdash.training.dataset import TrainingSet, make_training_set

DIGITS = 200
NON_DIGITS, REDRAWN = round(dataset.NON_DIGITS * DIGITS), round(dataset.REDRAWN * DIGITS)


@pytest.fixture(scope="module")
def augmented(sample) -> TrainingSet:
    """Return the flagship's training set: digits, restyled digits, redrawn digits, non-digits."""
    return make_training_set(sample, RECIPES["flagship"], DIGITS, seed=1)


def test_digits_are_not_copied_if_nothing_is_added(sample):
    made = make_training_set(sample, RECIPES["softmax"], 100)
    assert np.shares_memory(made.images, sample.train.images)
    assert len(made) == 100


def test_validation_digits_follow_the_training_digits(sample):
    made = make_training_set(sample, RECIPES["keras-cnn"], None)
    assert np.array_equal(made.images, np.concatenate([sample.train.images, sample.validation.images]))
    assert np.array_equal(made.labels, np.concatenate([sample.train.labels, sample.validation.labels]))


def test_limit_is_the_number_of_digits(sample, augmented):
    assert np.array_equal(augmented.images[:DIGITS], sample.train.images[:DIGITS])
    assert len(make_training_set(sample, RECIPES["keras-cnn"], 1400)) == 1400
    assert len(make_training_set(sample, RECIPES["softmax"], 5000)) == 1297


def test_non_digits_come_last_and_have_a_separate_label(augmented):
    is_digit = augmented.labels != networks.NOT_A_DIGIT
    assert is_digit[:-NON_DIGITS].all() and not is_digit[-NON_DIGITS:].any()
    assert augmented.images.dtype == augmented.labels.dtype == np.uint8


def test_only_digits_with_other_styles_are_restyled(augmented):
    restyled = augmented.labels[DIGITS : -NON_DIGITS - REDRAWN]
    assert 10 < len(restyled) < 75
    assert set(restyled) <= {0, 1, 4, 7, 9}


def test_the_estimate_counts_generated_images(augmented):
    assert len(augmented) / DIGITS == pytest.approx(images_per_digit(RECIPES["flagship"]), abs=0.1)


def test_only_unchanged_digits_count_as_written(augmented):
    """Digits that cannot be redrawn are unchanged."""
    assert augmented.written[:DIGITS].all()
    redrawn = slice(-NON_DIGITS - REDRAWN, -NON_DIGITS)
    assert not augmented.written[DIGITS : redrawn.start].any()
    assert not augmented.written[redrawn.stop :].any()
    digits = {image.tobytes() for image in augmented.images[:DIGITS]}
    unchanged = [image.tobytes() in digits for image in augmented.images[redrawn]]
    assert augmented.written[redrawn].tolist() == unchanged
    assert sum(unchanged) < REDRAWN / 2


def test_a_seed_reproduces_the_generated_images(sample, augmented):
    recipe = replace(RECIPES["softmax"], augmentation=True)
    first, again, other = (make_training_set(sample, recipe, 20, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images[20:], other.images[20:])


def numbered(count: int) -> TrainingSet:
    """Return images whose pixels equal their label."""
    labels = np.arange(count, dtype=np.uint8)
    return TrainingSet(labels[:, None, None] * np.ones((1, 28, 28), np.uint8), labels, labels % 2 == 0)


def test_each_epoch_has_every_image_once_in_a_new_order():
    def epochs(seed: int) -> list[list[int]]:
        batches = list(numbered(10).batches(4, seed).take(9))
        assert [len(labels) for _, labels in batches] == 3 * [4, 4, 2]
        for inputs, labels in batches:
            assert np.array_equal(inputs["pixels"][:, 5, 5], labels)
            assert np.array_equal(inputs["written"], labels % 2 == 0)
        return np.concatenate([labels for _, labels in batches]).reshape(3, 10).tolist()

    first = epochs(1)
    assert [sorted(epoch) for epoch in first] == 3 * [list(range(10))]
    assert first == epochs(1) != epochs(2)
    assert first[0] != first[1] != first[2] != first[0]


def test_without_a_seed_there_is_one_epoch_in_the_stored_order():
    labels = [labels.numpy().tolist() for _, labels in numbered(10).batches(4)]
    assert labels == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_batches_are_made_without_autotuning():
    """TensorFlow waits for the autotuning thread after each epoch, longer each time."""
    for seed in (0, None):
        assert numbered(10).batches(4, seed).options().autotune.enabled is False
