import numpy as np
import pytest

from mnistdash.data.dataset import Dataset, Split
from mnistdash.evaluation import cache, predictions
from mnistdash.evaluation.predictions import PCA, nearest_neighbors, predict_split
from mnistdash.inference.model import load_model


class CountingModel:
    """Model that predicts the largest column sum, uses column sums as features, and counts images."""

    def __init__(self):
        self.count = 0

    def predict_with_features(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.count += len(images)
        features = images.sum(1, dtype=np.float32) / 255
        return np.eye(10, dtype=np.float32)[features.argmax(1) % 10], features


@pytest.fixture
def model() -> CountingModel:
    return CountingModel()


@pytest.fixture
def data() -> Dataset:
    """Return random digits: 40 training, 30 validation, 20 test."""
    random = np.random.default_rng(0)

    def split(count: int) -> Split:
        return Split(random.integers(0, 256, (count, 28, 28), np.uint8), random.integers(0, 10, count, np.uint8))

    return Dataset("random", "tests", split(40), split(30), split(20))


def test_predictions_come_from_the_model_and_features_are_projected(flagship, model, data):
    found = predict_split(flagship, model, data, "test")
    probabilities, features = model.predict_with_features(data.test.images)
    np.testing.assert_array_equal(found.result.probabilities, probabilities)
    np.testing.assert_array_equal(found.result.labels, data.test.labels)
    np.testing.assert_array_equal(found.features, found.pca.project(features).astype(np.float16))


def test_principal_components_are_sorted_by_variance_and_preserve_the_features():
    features = np.random.default_rng(0).normal(size=(300, 80)).astype(np.float32) * np.linspace(0.01, 5, 80, dtype="f4")
    pca = PCA.fit(features)
    assert pca.components.shape == (predictions.MAX_COMPONENTS, 80)
    projected = pca.project(features)
    assert np.all(np.diff(projected.var(0)) <= 1e-4)
    lost = np.linalg.norm(features - (projected @ pca.components + pca.mean), axis=1)
    assert np.median(lost) < 0.1 * np.median(np.linalg.norm(features - pca.mean, axis=1))


def test_predictions_are_computed_once_per_split_and_then_loaded(flagship, model, data):
    first = predict_split(flagship, model, data, "test")
    assert model.count == 20 + 30, "the PCA is fitted to the validation split"
    predict_split(flagship, model, data, "train")
    assert model.count == 20 + 30 + 40
    again = predict_split(flagship, model, data, "test")
    assert model.count == 20 + 30 + 40
    np.testing.assert_array_equal(first.result.probabilities, again.result.probabilities)
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.pca.components, again.pca.components)


def test_a_read_only_folder_only_disables_the_cache(flagship, model, data):
    (flagship.folder / cache.FOLDER).write_text("in the way")
    for _ in range(2):
        assert len(predict_split(flagship, model, data, "test").features) == 20
    assert model.count == 2 * (20 + 30)


def test_progress_rises_to_1_in_chunks(flagship, model, data, monkeypatch):
    monkeypatch.setattr(predictions, "CHUNK", 8)
    shares = []
    predict_split(flagship, model, data, "test", shares.append)
    assert shares == sorted(shares)
    assert shares[-3:] == [8 / 20, 16 / 20, 1.0]


def test_an_exception_from_progress_cancels_the_prediction(flagship, model, data):
    def cancel(share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        predict_split(flagship, model, data, "test", cancel)
    assert model.count == 0


def test_the_nearest_neighbors_come_first():
    features = np.array([[0, 0], [3, 4], [1, 0], [0, 2], [9, 9]], np.float16)
    assert nearest_neighbors(features, np.zeros(2), 3).tolist() == [0, 2, 3]
    assert nearest_neighbors(features, np.zeros(2), 50).tolist() == [0, 2, 3, 1, 4]
    assert nearest_neighbors(features[:0], np.zeros(2), 3).tolist() == []


@pytest.mark.slow
def test_nearest_neighbors_have_the_same_label(flagship, models, sample):
    """Penultimate-layer features separate the classes."""
    model = load_model("flagship", models)
    train, test = (predict_split(flagship, model, sample, name) for name in ("train", "test"))
    same = [
        sample.train.labels[nearest_neighbors(train.features, query, 1)[0]] == label
        for query, label in zip(test.features[:100], sample.test.labels[:100], strict=True)
    ]
    assert np.mean(same) > 0.9
