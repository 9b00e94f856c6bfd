import numpy as np
import pytest

from mnistdash.data.dataset import Split
from mnistdash.evaluation import robustness
from mnistdash.evaluation.perturbations import KINDS, Perturbation, perturb
from mnistdash.evaluation.robustness import FlipMap, flip_map, load_or_measure_curves, robustness_curves
from mnistdash.inference.model import load_model


def predict_position(images: np.ndarray) -> np.ndarray:
    """Predict the horizontal position of the foreground: 0 is left, 9 is right, 5 is blank."""
    ink = images.astype(float).sum(1)
    columns = np.where(ink.sum(1) > 0, ink @ np.arange(28) / np.maximum(ink.sum(1), 1), 14)
    probabilities = np.full((len(images), 10), 0.02, np.float32)
    probabilities[np.arange(len(images)), (columns * 10 / 28).astype(int)] = 0.82
    return probabilities


@pytest.fixture
def model(flagship, models):
    return load_model("flagship", models)


@pytest.fixture
def counting():
    """Return a predictor that counts its images."""

    def predict(images: np.ndarray) -> np.ndarray:
        predict.count += len(images)
        return predict_position(images)

    predict.count = 0
    return predict


@pytest.fixture
def dot() -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    image[13:15, 13:15] = 255
    return image


def ignore(share: float) -> None:
    pass


def test_the_neutral_cell_holds_the_unperturbed_prediction(model, sample):
    image = sample.test.images[3]
    (own,) = model(image[None])
    for across, down in (("right", "down"), ("turn", "size"), ("stroke", "noise")):
        made = flip_map(model, image, across, down, Perturbation())
        assert made.digits.shape == made.confidence.shape == (13, 13)
        assert made.digits.dtype == np.uint8
        assert made.digits[made.neutral] == own.argmax()
        assert made.confidence[made.neutral] == pytest.approx(own.max(), abs=1e-5)


def test_values_rise_from_left_to_right_and_from_top_to_bottom(dot):
    made = flip_map(predict_position, dot, "right", "turn", Perturbation(), cells=17)
    assert made.columns[0] == -8 and made.rows[0] == -60
    assert (np.diff(made.digits.astype(int), axis=1) >= 0).all()
    assert (made.digits[:, 0] < made.digits[:, -1]).all()
    assert (made.digits[0] == made.digits[-1]).all()


def test_a_cell_is_the_prediction_under_its_values_and_the_base(model, sample):
    image, base = sample.test.images[5], Perturbation(right=3, stroke=1, noise=0.2, turn=50)
    made = flip_map(model, image, "turn", "size", base, cells=5)
    setting = Perturbation(right=3, stroke=1, noise=0.2, turn=made.columns[1], size=made.rows[3])
    (own,) = model(perturb(image[None], setting))
    assert made.digits[3, 1] == own.argmax()
    assert made.confidence[3, 1] == pytest.approx(own.max(), abs=1e-4)


def test_reach_ends_where_the_prediction_first_changes():
    digits = np.full((5, 5), 9, np.uint8)
    digits[2, 1:4] = 4  # horizontally: the center and one cell on each side
    digits[:3, 2] = 4  # vertically: the center and all cells above
    digits[4, 2] = 4  # behind another digit
    made = FlipMap(KINDS["right"], KINDS["down"], [-8, -4, 0, 4, 8], [-8, -4, 0, 4, 8], digits, np.ones((5, 5)))
    assert made.reach(4) == ((-4, 4), (-8, 0))
    assert made.reach(9) is None


def test_curves_are_accuracies_over_the_first_digits(model, sample, monkeypatch):
    monkeypatch.setattr(robustness, "MAX_DIGITS", 60)
    split = sample.test
    made = robustness_curves(model, split, ignore)
    images, labels = split.images[:60], split.labels[:60]
    plain = (model(images).argmax(1) == labels).mean()
    for key, kind in KINDS.items():
        assert made[key][kind.levels.index(kind.neutral)] == pytest.approx(plain)
    turned = perturb(images, Perturbation(turn=KINDS["turn"].low))
    assert made["turn"][0] == pytest.approx((model(turned).argmax(1) == labels).mean())
    assert plain > 0.8 > min(made["right"])


def test_progress_rises_to_1_and_unperturbed_digits_are_predicted_once(sample, counting):
    shares = []
    robustness_curves(counting, Split(sample.test.images[:10], sample.test.labels[:10]), shares.append)
    total = sum(len(kind.levels) for kind in KINDS.values()) - len(KINDS) + 1
    assert shares == [done / total for done in range(total + 1)]
    assert counting.count == 10 * total


def test_curves_are_measured_once_and_then_loaded(flagship, sample, counting):
    curves = load_or_measure_curves(flagship, counting, sample, "test", ignore)
    before = counting.count
    again = load_or_measure_curves(flagship, counting, sample, "test", ignore)
    assert counting.count == before
    assert again.keys() == curves.keys()
    assert all(np.array_equal(again[key], curves[key]) for key in curves)
    load_or_measure_curves(flagship, counting, sample, "validation", ignore)
    assert counting.count > before


def test_another_model_is_measured_again(flagship, sample, counting):
    load_or_measure_curves(flagship, counting, sample, "test", ignore)
    before = counting.count
    (flagship.folder / "model.tflite").write_bytes(b"another model")
    load_or_measure_curves(flagship, counting, sample, "test", ignore)
    assert counting.count == 2 * before
