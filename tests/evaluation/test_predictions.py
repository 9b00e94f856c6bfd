import shutil

import numpy as np
import pytest

from mnistdash.evaluation import predictions
from mnistdash.evaluation.prediction_task import PredictionTask
from mnistdash.inference.model import Model, load_model


@pytest.fixture
def model(flagship, models):
    return load_model("flagship", models)


@pytest.fixture
def axes(flagship, model, sample):
    return predictions.fit_pca(flagship, model, "sample", "validation", sample.validation)


def analyse(run, model, axes, split, **options):
    return predictions.analyze(run, model, axes, "sample", "test", split, **options)


def test_answers_are_the_models_and_features_keep_what_tells_digits_apart(flagship, model, axes, sample):
    made = analyse(flagship, model, axes, sample.test)
    assert np.array_equal(made.result.probabilities, model(sample.test.images))
    assert np.array_equal(made.result.labels, sample.test.labels)
    assert made.features.shape == (300, 64)
    raw = model.predict_with_features(sample.test.images)[1]
    projected = axes.project(raw)
    lost = np.linalg.norm(raw - (projected @ axes.components + axes.mean), axis=1)
    assert np.median(lost) < 0.35 * np.median(np.linalg.norm(raw - axes.mean, axis=1))
    variances = axes.project(model.predict_with_features(sample.validation.images)[1]).var(0)
    assert np.all(np.diff(variances) <= 1e-4), "those of the largest variance come first"
    assert variances[0] > 10 * variances[-1]


def test_it_is_computed_once_and_then_read(flagship, model, axes, sample, monkeypatch):
    first = analyse(flagship, model, axes, sample.test)
    monkeypatch.setattr(Model, "predict_with_features", lambda *_: pytest.fail("read again"))
    again = analyse(flagship, model, axes, sample.test)
    assert np.array_equal(first.result.probabilities, again.result.probabilities)
    assert np.array_equal(first.features, again.features)
    same = predictions.fit_pca(flagship, model, "sample", "validation", sample.validation)
    assert np.array_equal(same.components, axes.components)


def test_digits_whose_features_fitted_the_axes_are_not_read_again(flagship, model, axes, sample, monkeypatch):
    expected = model(sample.validation.images), axes.project(model.predict_with_features(sample.validation.images)[1])
    monkeypatch.setattr(Model, "predict_with_features", lambda *_: pytest.fail("read again"))
    made = predictions.analyze(flagship, model, axes, "sample", "validation", sample.validation)
    assert np.array_equal(made.result.probabilities, expected[0])
    assert np.array_equal(made.features, expected[1].astype(np.float16))


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_damaged_or_cut_short_is_made_again(flagship, model, axes, sample, content):
    first = analyse(flagship, model, axes, sample.test)
    path = flagship.folder / "analysis" / "sample-test.npz"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    again = analyse(flagship, model, axes, sample.test)
    assert np.array_equal(first.features, again.features)


def test_another_version_of_the_model_is_read_anew(flagship, model, axes, sample, monkeypatch):
    analyse(flagship, model, axes, sample.test)
    content = (flagship.folder / "model.tflite").read_bytes()
    (flagship.folder / "model.tflite").unlink()
    (flagship.folder / "model.tflite").write_bytes(content)
    asked = []
    inspect = Model.inspect
    monkeypatch.setattr(Model, "predict_with_features", lambda self, images: asked.append(1) or inspect(self, images))
    analyse(flagship, model, axes, sample.test)
    assert asked


def test_a_folder_that_cannot_be_written_to_costs_only_the_keeping(flagship, model, axes, sample):
    shutil.rmtree(flagship.folder / "analysis")
    (flagship.folder / "analysis").write_text("in the way")
    assert len(analyse(flagship, model, axes, sample.test).features) == 300


def test_progress_ends_at_the_whole(flagship, model, axes, sample):
    told = []
    predictions.analyze(flagship, model, axes, "sample", "train", sample.train, told.append)
    assert told == [1000 / 1297, 1.0]


def test_the_nearest_come_first():
    features = np.array([[0, 0], [3, 4], [1, 0], [0, 2], [9, 9]], np.float16)
    found, distances = predictions.nearest_neighbors(features, np.zeros(2), 3)
    assert found.tolist() == [0, 2, 3]
    assert distances.tolist() == [0, 1, 2]
    assert predictions.nearest_neighbors(features, np.zeros(2), 50)[0].tolist() == [0, 2, 3, 1, 4]


def test_similar_digits_have_the_same_label(flagship, model, axes, sample):
    """The features would be of no use if they did not."""
    train = predictions.analyze(flagship, model, axes, "sample", "train", sample.train)
    test = analyse(flagship, model, axes, sample.test)
    same = [
        sample.train.labels[predictions.nearest_neighbors(train.features, query, 1)[0][0]] == label
        for query, label in zip(test.features[:100], sample.test.labels[:100], strict=True)
    ]
    assert np.mean(same) > 0.9


def test_splits_are_read_in_the_background_once_each(flagship, model, sample, monkeypatch):
    background = PredictionTask(flagship, model, sample)
    for _ in range(2):
        background.want("test")
        background.want("validation")
    assert len(background.result("test").features) == 300
    assert len(background.result("validation").features) == 200
    assert background.wait("test", 0)
    assert background.progress("test") == 1
    assert background.axes.project(model.predict_with_features(sample.test.images[:1])[1]).shape == (1, 64)
    background.want("train")  # after it had nothing to do any more
    assert len(background.result("train").features) == 1297


def test_a_failure_reaches_whoever_asks(flagship, model, sample, monkeypatch):
    def fail(*_):
        raise OSError("no more memory")

    monkeypatch.setattr(Model, "predict_with_features", fail)
    background = PredictionTask(flagship, model, sample)
    background.want("test")
    with pytest.raises(OSError, match="no more memory"):
        background.result("test")
