import json
import threading

import numpy as np
import pytest

from mnistdash.evaluation import metrics
from mnistdash.inference.model import load_model
from mnistdash.runs.store import RunError

IMAGES = np.random.default_rng(0).integers(0, 256, (230, 28, 28), np.uint8)


def test_probabilities_for_any_number_of_images(flagship):
    """More than a batch, a part of one, one image and none."""
    model = load_model("flagship")  # from the folder that the environment names
    whole = model(IMAGES)
    assert whole.shape == (230, 10)
    assert whole.dtype == np.float32
    assert np.allclose(whole.sum(1), 1, atol=1e-5)
    assert np.allclose(model(IMAGES[:1]), whole[:1], atol=1e-5)
    assert np.allclose(model(IMAGES[7:40]), whole[7:40], atol=1e-5)
    assert model(IMAGES[:0]).shape == (0, 10)


def test_a_model_that_refuses_says_how_likely_each_is_a_digit(flagship, models):
    model = load_model("flagship", models)
    probabilities, is_digit = model.predict_with_is_digit(IMAGES)
    assert np.array_equal(probabilities, model(IMAGES))
    assert is_digit.shape == (230,)
    assert is_digit.dtype == np.float32
    assert is_digit.min() >= 0
    assert is_digit.max() < 0.5, "noise is no digit"
    assert [part.shape for part in model.predict_with_is_digit(IMAGES[:0])] == [(0, 10), (0,)]


def test_features_are_what_the_last_layer_decides_by(flagship, models):
    """Of three networks, with 192, 128 and 128 features; the answers stay what they are."""
    model = load_model("flagship", models)
    probabilities, features = model.predict_with_features(IMAGES)
    assert np.array_equal(probabilities, model(IMAGES))
    assert features.shape == (230, 448)
    assert features.min() >= 0, "after a ReLU"
    assert np.allclose(features[:3], model.predict_with_features(IMAGES[:3])[1], atol=1e-4)
    assert model.predict_with_features(IMAGES[:0])[1].shape == (0, 448)


def test_bytes_and_floats_mean_the_same(flagship, models):
    model = load_model("flagship", models)
    assert np.allclose(model(IMAGES[:5]), model(IMAGES[:5].astype(np.float32) / 255), atol=1e-6)


def test_threads_take_turns(flagship, models):
    """LiteRT itself raises where two threads use one interpreter."""
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
def test_a_file_that_is_not_the_runs_own_is_never_loaded(flagship, models, damage):
    path = flagship.folder / "model.tflite"
    if damage is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=r"model"):
        load_model("flagship", models)


def test_another_runs_file_is_not_taken_for_this_ones(flagship, make_run, models):
    """Even where it has the same size."""
    folder = make_run("other", events=[], card={"status": "finished"})
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(RunError, match=r"other/model\.tflite is not the file that this run made"):
        load_model("other", models)


def test_a_file_of_a_card_from_before_there_were_sums_is_judged_by_its_size(flagship, make_run, models):
    folder = make_run("old", events=[], card={"status": "finished", "sha256": None})
    assert load_model("old", models)(IMAGES[:1]).shape == (1, 10)
    path = folder / "model.tflite"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match="is not the file"):
        load_model("old", models)


def test_the_shipped_model_reads_validation_as_its_card_says(flagship, models, mnist):
    """On validation; the test set is read once, when a model is released."""
    result = metrics.evaluate(load_model("flagship", models), mnist.validation)
    assert result.accuracy == pytest.approx(flagship.card.validation_accuracy, abs=2e-4)
    assert result.loss == pytest.approx(flagship.card.validation_loss, abs=1e-3)
