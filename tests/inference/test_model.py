import json
import threading

import numpy as np
import pytest

from mnistdash.evaluation import metrics
from mnistdash.exceptions import RunError
from mnistdash.inference.model import Model, load_model

IMAGES = np.random.default_rng(0).integers(0, 256, (230, 28, 28), np.uint8)


def test_model_predicts_any_number_of_images(flagship, models):
    """Predict more images than a batch, fewer, and one."""
    model = load_model("flagship", models)
    whole = model(IMAGES)
    assert whole.shape == (230, 10)
    assert whole.dtype == np.float32
    assert np.allclose(whole.sum(1), 1, atol=1e-5)
    assert np.allclose(model(IMAGES[:1]), whole[:1], atol=1e-5)
    assert np.allclose(model(IMAGES[7:40]), whole[7:40], atol=1e-5)


def test_model_that_rejects_non_digits_predicts_is_digit(flagship, models):
    model = load_model("flagship", models)
    probabilities, is_digit = model.predict_with_is_digit(IMAGES)
    assert np.array_equal(probabilities, model(IMAGES))
    assert is_digit.shape == (230,)
    assert is_digit.dtype == np.float32
    assert is_digit.min() >= 0
    assert is_digit.max() < 0.5, "noise is not a digit"


def test_recipe_decides_if_a_model_rejects_non_digits(flagship, make_run, models):
    """The outputs do not decide: the `is_digit` output of this file varies."""
    make_run("other", "express", events=[], card={"status": "finished"})
    assert load_model("other", models).predict_with_is_digit(IMAGES[:5])[1] is None


def test_features_come_from_the_last_layer_of_each_expert(flagship, models):
    """Three experts with 192, 128 and 128 features; the probabilities stay the same."""
    model = load_model("flagship", models)
    assert model.has_features
    probabilities, features = model.predict_with_features(IMAGES)
    assert np.array_equal(probabilities, model(IMAGES))
    assert features.shape == (230, 448)
    assert features.min() >= 0, "features follow a ReLU"
    assert np.allclose(features[:3], model.predict_with_features(IMAGES[:3])[1], atol=1e-4)


def test_run_of_an_earlier_version_opens_and_predicts_without_features(old_run, models, sample):
    model = load_model(old_run.name, models)
    result = metrics.evaluate(model, sample.test)
    assert result.accuracy == pytest.approx(old_run.card.test_accuracy, abs=1e-6)
    assert model.predict_with_is_digit(sample.test.images)[1] is None
    assert not model.has_features
    assert [part.shape for part in model.predict_with_features(IMAGES)] == [(230, 10), (230, 0)]


def test_bytes_and_floats_yield_the_same_probabilities(flagship, models):
    model = load_model("flagship", models)
    assert np.allclose(model(IMAGES[:5]), model(IMAGES[:5].astype(np.float32) / 255), atol=1e-6)


def test_threads_take_turns(flagship, models):
    """LiteRT raises an error if two threads use one interpreter."""
    model = load_model("flagship", models)
    expected = model(IMAGES)
    results, errors = {}, []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                results[number] = model(IMAGES[: 50 + 10 * number])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert all(np.allclose(result, expected[: len(result)], atol=1e-5) for result in results.values())


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def changed(content: bytes) -> bytes:
    return content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]


@pytest.mark.parametrize("damage", [cut, changed, lambda content: b"", lambda content: b"not a model", None])
def test_damaged_file_is_never_loaded(flagship, models, damage):
    path = flagship.folder / "model.tflite"
    if damage is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=r"model"):
        load_model("flagship", models)


def test_file_that_is_not_a_model_raises_an_error(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"not a model")
    with pytest.raises(RunError, match=r"broken/model\.tflite is missing or damaged"):
        Model(path, "broken")


def test_file_of_another_run_is_not_loaded(flagship, make_run, models):
    """Even a file of the same size is refused."""
    folder = make_run("other", events=[], card={"status": "finished"})
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(RunError, match=r"other/model\.tflite is not the file that this run made"):
        load_model("other", models)


def test_file_is_checked_by_size_if_the_card_has_no_hash(flagship, make_run, models):
    folder = make_run("old", events=[], card={"status": "finished", "sha256": None})
    assert load_model("old", models)(IMAGES[:1]).shape == (1, 10)
    path = folder / "model.tflite"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match="is not the file"):
        load_model("old", models)


@pytest.mark.slow
def test_shipped_models_accuracy_matches_its_card(flagship, models, mnist):
    """Use the validation split, because the test set is evaluated only once per release."""
    result = metrics.evaluate(load_model("flagship", models), mnist.validation)
    assert result.accuracy == pytest.approx(flagship.card.validation_accuracy, abs=2e-4)
    assert result.loss == pytest.approx(flagship.card.validation_loss, abs=1e-3)
