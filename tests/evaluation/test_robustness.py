import json
import os

import numpy as np
import pytest
from robustness_curves import made_curves

from mnistdash.evaluation import robustness
from mnistdash.evaluation.perturbations import KINDS, Perturbation, perturb
from mnistdash.evaluation.robustness import FlipMap, RobustnessCurves, flip_map, measure, robustness_curves, stored
from mnistdash.inference.model import load_model


def by_place(images: np.ndarray) -> np.ndarray:
    """Reads the column of an image's ink as a digit: 0 at the left, 9 at the right; 5 where there is none."""
    ink = images.astype(float).sum(1)
    columns = np.where(ink.sum(1) > 0, ink @ np.arange(28) / np.maximum(ink.sum(1), 1), 14)
    probabilities = np.full((len(images), 10), 0.02, np.float32)
    probabilities[np.arange(len(images)), (columns * 10 / 28).astype(int)] = 0.82
    return probabilities


@pytest.fixture
def model(flagship, models):
    return load_model("flagship", models)


@pytest.fixture
def asked():
    """Counts the images that a model is asked to read."""

    def reader(images: np.ndarray) -> np.ndarray:
        reader.count += len(images)
        return by_place(images)

    reader.count = 0
    return reader


@pytest.fixture
def dot() -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    image[13:15, 13:15] = 255
    return image


def quiet(done: int, total: int) -> None:
    pass


def test_without_disturbance_a_map_holds_the_models_own_answer(model, sample):
    image = sample.test.images[3]
    (own,) = model(image[None])
    for across, down in (("right", "down"), ("turn", "size"), ("stroke", "noise")):
        made = flip_map(model, image, across, down, Perturbation())
        assert made.digits.shape == made.confidence.shape == (13, 13)
        assert made.digits.dtype == np.uint8
        assert made.digits[made.neutral] == own.argmax()
        assert made.confidence[made.neutral] == pytest.approx(own.max(), abs=1e-5)


def test_across_is_from_left_to_right_and_down_from_top_to_bottom(dot):
    made = flip_map(by_place, dot, "right", "turn", Perturbation(), cells=17)
    assert made.columns[0] == -8 and made.rows[0] == -60
    assert (np.diff(made.digits.astype(int), axis=1) >= 0).all()
    assert (made.digits[:, 0] < made.digits[:, -1]).all()
    assert (made.digits[0] == made.digits[-1]).all()


def test_the_other_kinds_are_as_they_are_set_and_a_cell_is_what_it_says(model, sample):
    image, base = sample.test.images[5], Perturbation(right=3, stroke=1, noise=0.2, turn=50)
    made = flip_map(model, image, "turn", "size", base, cells=5)
    setting = Perturbation(right=3, stroke=1, noise=0.2, turn=made.columns[1], size=made.rows[3])
    (own,) = model(perturb(image[None], setting))
    assert made.digits[3, 1] == own.argmax()
    assert made.confidence[3, 1] == pytest.approx(own.max(), abs=1e-4)


def test_reach_ends_where_the_reading_first_flips():
    digits = np.full((5, 5), 9, np.uint8)
    digits[2, 1:4] = 4  # across: the middle and one to each side
    digits[:3, 2] = 4  # down: the middle and all above
    digits[4, 2] = 4  # beyond a flip
    made = FlipMap(KINDS["right"], KINDS["down"], [-8, -4, 0, 4, 8], [-8, -4, 0, 4, 8], digits, np.ones((5, 5)))
    assert made.reach(4) == ((-4, 4), (-8, 0))
    assert made.reach(9) is None


def test_curves_are_accuracies_over_the_first_digits(model, sample):
    split, count = sample.test, 60
    made = robustness_curves(model, split, count)
    images, labels = split.images[:count], split.labels[:count]
    plain = (model(images).argmax(1) == labels).mean()
    assert made.count == count
    for key, kind in KINDS.items():
        assert made.accuracy[key][made.levels[key].index(kind.neutral)] == pytest.approx(plain)
    turned = perturb(images, Perturbation(turn=made.levels["turn"][0]))
    assert made.accuracy["turn"][0] == pytest.approx((model(turned).argmax(1) == labels).mean())
    assert made.undisturbed == pytest.approx(plain)
    assert made.undisturbed > 0.8 > min(made.accuracy["right"])


def test_a_split_with_fewer_digits_is_read_as_far_as_it_goes(sample, asked):
    made = robustness_curves(asked, sample.validation, 100_000)
    assert made.count == len(sample.validation)


def test_progress_ends_with_all_and_undisturbed_digits_are_read_once(sample, asked):
    seen = []
    robustness_curves(asked, sample.test, 10, lambda done, total: seen.append((done, total)))
    total = sum(len(kind.levels) for kind in KINDS.values()) - len(KINDS) + 1
    assert seen == [(done, total) for done in range(1, total + 1)]
    assert asked.count == 10 * total


def test_the_weakest_kind_has_the_lowest_mean_and_a_worst_level():
    falling = np.linspace(0.9, 0.2, 9).tolist()
    made = made_curves(noise=falling, turn=[0.1] + [0.9] * 8)
    assert made.weakest.key == "noise"
    assert made.worst(KINDS["noise"]) == (0.4, pytest.approx(0.2))
    assert made.worst(KINDS["turn"]) == (-60, 0.1)


def test_curves_outlive_json():
    made = made_curves(size=np.linspace(0, 1, 9).tolist())
    assert RobustnessCurves.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_what_was_measured_is_kept_and_never_measured_twice(flagship, sample, asked):
    assert stored(flagship, "sample", "test") is None
    made = measure(flagship, asked, "sample", "test", sample.test, quiet)
    assert (flagship.folder / "analysis" / "sample-test-robustness.json").is_file()
    assert stored(flagship, "sample", "test") == made
    assert stored(flagship, "sample", "validation") is None
    before = asked.count
    assert measure(flagship, asked, "sample", "test", sample.test, quiet) == made
    assert asked.count == before


def test_another_version_of_the_model_is_measured_anew(flagship, sample, asked):
    measure(flagship, asked, "sample", "test", sample.test, quiet)
    os.utime(flagship.folder / "model.tflite", (1, 1))
    assert stored(flagship, "sample", "test") is None
    before = asked.count
    measure(flagship, asked, "sample", "test", sample.test, quiet)
    assert asked.count == 2 * before
    assert stored(flagship, "sample", "test") is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"noise"', '"nose"'),
        lambda text: text.replace('"count": 300', '"count": null'),
        lambda text: text.replace('"right": [', '"right": [0.5,', 1),
        lambda text: "\x00\xff",
    ],
)
def test_a_damaged_file_is_as_good_as_none_and_replaced(flagship, sample, asked, damage):
    made = measure(flagship, asked, "sample", "test", sample.test, quiet)
    path = flagship.folder / "analysis" / "sample-test-robustness.json"
    damaged = damage(path.read_text())
    assert damaged != path.read_text()
    path.write_text(damaged, encoding="latin-1")
    assert stored(flagship, "sample", "test") is None
    assert measure(flagship, asked, "sample", "test", sample.test, quiet) == made
    assert stored(flagship, "sample", "test") == made


def test_what_cannot_be_kept_is_used_all_the_same(flagship, sample, asked, monkeypatch):
    def full(path, value):
        raise OSError("the disk is full")

    monkeypatch.setattr(robustness, "atomic_write_json", full)
    assert measure(flagship, asked, "sample", "test", sample.test, quiet).count == 300
    assert stored(flagship, "sample", "test") is None
