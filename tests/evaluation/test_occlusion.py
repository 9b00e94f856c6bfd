import numpy as np

from mnistdash.evaluation import occlusion


def looks_at(rows: slice, columns: slice):
    """A model that is the surer of a 3, and the less of a 5, the more ink there is in one place."""

    def model(images: np.ndarray) -> np.ndarray:
        ink = images[:, rows, columns].mean((1, 2)) / 255
        probabilities = np.full((len(images), 10), 0.01, np.float32)
        probabilities[:, 3] = 0.1 + 0.8 * ink
        probabilities[:, 5] = 0.9 - 0.8 * ink
        return probabilities

    return model


def test_it_finds_the_place_that_the_decision_hangs_on():
    image = np.full((28, 28), 255, np.uint8)
    evidence = occlusion.occlusion_map(looks_at(slice(8, 12), slice(18, 22)), image)
    assert evidence.shape == (10, 28, 28)
    assert evidence.dtype == np.float32
    row, column = np.unravel_index(evidence[3].argmax(), (28, 28))
    assert 8 <= row < 12
    assert 18 <= column < 22
    assert evidence[3, 9, 19] > 0 > evidence[5, 9, 19], "it speaks for the 3, and against the 5"
    assert np.abs(evidence[:, 20:, :10]).max() < 1e-5, "elsewhere nothing does"
    assert np.abs(evidence[7]).max() < 1e-5


def test_paper_says_nothing():
    assert not occlusion.occlusion_map(looks_at(slice(0, 28), slice(0, 28)), np.zeros((28, 28), np.uint8)).any()


def test_every_pixel_is_covered_and_one_batch_is_enough():
    batches = []

    def model(images: np.ndarray) -> np.ndarray:
        batches.append(images)
        return np.full((len(images), 10), 0.1, np.float32)

    occlusion.occlusion_map(model, np.full((28, 28), 255, np.uint8))
    assert len(batches) == 1
    assert len(batches[0]) == 1 + 14 * 14
    assert (batches[0] == 0).any(0).all()
