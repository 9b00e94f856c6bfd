import io

import numpy as np
import pytest

from mnistdash.evaluation import metrics
from mnistdash.exceptions import RunError
from mnistdash.runs import snapshots
from mnistdash.runs.snapshots import EpochPredictions, NetworkView


def predictions(predicted: list[int], true_probability: list[float] | None = None) -> EpochPredictions:
    count = len(predicted)
    true = [0.5] * count if true_probability is None else true_probability
    return EpochPredictions(np.array(predicted, np.uint8), np.full(count, 0.5, np.float16), np.array(true, np.float16))


def test_a_snapshot_is_written_and_read(tmp_path):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(10), 50)
    labels = np.arange(50, dtype=np.uint8) % 10
    before = EpochPredictions.of(probabilities, labels)
    maps = np.random.default_rng(1).integers(0, 256, (10, 8, 5, 5), np.uint8)
    snapshots.write_snapshot(tmp_path, 1, before, NetworkView(np.ones((32, 3, 3)), [("Convolution", maps)]))
    snapshots.write_snapshot(tmp_path, 12, before)
    assert snapshots.snapshot_epochs(tmp_path) == [1, 12]
    after = snapshots.read_snapshot(tmp_path, 12)[0]
    assert np.array_equal(after.predicted, probabilities.argmax(1))
    assert np.allclose(after.confidence, probabilities.max(1), atol=1e-3)
    assert np.allclose(after.true_probability, probabilities[np.arange(50), labels], atol=1e-3)
    details = snapshots.read_snapshot(tmp_path, 1)[1]
    assert details.filters.shape == (32, 3, 3)
    ((name, saved),) = details.layers
    assert name == "Convolution"
    assert np.array_equal(saved, maps)
    assert snapshots.read_snapshot(tmp_path, 12)[1] is None


def test_a_new_run_has_no_snapshots(tmp_path):
    assert snapshots.snapshot_epochs(tmp_path) == []


@pytest.mark.parametrize("epochs", [1, 7, 50, 51, 120, 1000])
def test_few_epochs_save_a_network_view_including_the_first_and_the_last(epochs):
    kept = [epoch for epoch in range(1, epochs + 1) if snapshots.saves_network_view(epoch, epochs)]
    assert kept[0] == 1
    assert kept[-1] == epochs
    assert len(kept) <= snapshots.VIEWED_EPOCHS + 2
    assert epochs > snapshots.VIEWED_EPOCHS or len(kept) == epochs


def test_a_forgotten_digit_was_predicted_correctly_before():
    labels = np.array([1, 1, 1, 1], np.uint8)
    history = [predictions([1, 2, 2, 1]), predictions([2, 1, 2, 1]), predictions([2, 2, 2, 1])]
    assert metrics.forgotten(history, labels).tolist() == [True, True, False, False]
    assert not metrics.forgotten(history[:1], labels).any()


def test_the_hardest_errors_have_the_least_probable_true_label():
    labels = np.array([1, 1, 1, 1, 1], np.uint8)
    now = predictions([2, 1, 2, 2, 2], [0.3, 0.01, 0.1, 0.2, 0.4])
    assert metrics.hardest_errors(now, labels, 3).tolist() == [2, 3, 0]
    assert len(metrics.hardest_errors(predictions([1] * 5), labels, 3)) == 0


def test_the_first_digit_of_each_class_is_found(sample):
    chosen = snapshots.first_of_each_digit(sample.validation.labels)
    assert sample.validation.labels[chosen].tolist() == list(range(10))
    assert all(index == np.flatnonzero(sample.validation.labels == digit)[0] for digit, index in enumerate(chosen))


ARRAYS = {
    "predicted": np.zeros(5, np.uint8),
    "confidence": np.ones(5, np.float16),
    "true_probability": np.ones(5, np.float16),
    "filters": np.ones((2, 3, 3), np.float16),
    "layers": np.array('["Dense"]'),
    "layer_0": np.zeros((10, 2, 4, 4), np.uint8),
}


def saved(**changed: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **ARRAYS | changed)
    return file.getvalue()


@pytest.mark.parametrize(
    "changed",
    [
        {"predicted": np.full(5, 10, np.uint8)},
        {"predicted": np.zeros(5, np.int64)},
        {"predicted": np.zeros(4, np.uint8)},
        {"confidence": np.ones((5, 1), np.float16)},
        {"true_probability": np.ones(5, np.float64)},
        {"filters": np.ones((2, 9), np.float16)},
        {"layers": np.array('["Dense", "Dense"]')},
        {"layers": np.array("[3]")},
        {"layer_0": np.zeros((9, 2, 4, 4), np.uint8)},
        {"layer_0": np.zeros((10, 2, 4, 4), np.float32)},
    ],
    ids=str,
)
def test_a_snapshot_with_invalid_arrays_is_refused(changed):
    snapshots.parse_snapshot(io.BytesIO(saved()), "epochs/0001.npz")
    with pytest.raises(RunError, match=r"^epochs/0001\.npz is damaged"):
        snapshots.parse_snapshot(io.BytesIO(saved(**changed)), "epochs/0001.npz")


def test_a_damaged_snapshot_is_named(tmp_path):
    (tmp_path / "mine" / "epochs").mkdir(parents=True)
    (tmp_path / "mine" / "epochs" / "0003.npz").write_bytes(saved()[:100])
    with pytest.raises(RunError, match=r"^mine/epochs/0003\.npz is damaged"):
        snapshots.read_snapshot(tmp_path / "mine", 3)[0]
