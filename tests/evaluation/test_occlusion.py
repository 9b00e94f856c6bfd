import numpy as np

from mnistdash.evaluation import occlusion


def sensitive_model(rows: slice, columns: slice):
    """Return a model whose confidence in 3 rises, and in 5 falls, with the foreground in one region."""

    def model(images: np.ndarray) -> np.ndarray:
        ink = images[:, rows, columns].mean((1, 2)) / 255
        probabilities = np.full((len(images), 10), 0.01, np.float32)
        probabilities[:, 3] = 0.1 + 0.8 * ink
        probabilities[:, 5] = 0.9 - 0.8 * ink
        return probabilities

    return model


def test_the_map_shows_the_region_that_the_prediction_depends_on():
    image = np.full((28, 28), 255, np.uint8)
    evidence = occlusion.occlusion_map(sensitive_model(slice(8, 12), slice(18, 22)), image)
    assert evidence.shape == (10, 28, 28)
    assert evidence.dtype == np.float32
    row, column = np.unravel_index(evidence[3].argmax(), (28, 28))
    assert 8 <= row < 12
    assert 18 <= column < 22
    assert evidence[3, 9, 19] > 0 > evidence[5, 9, 19], "the region is evidence for 3 and against 5"
    assert np.abs(evidence[:, 20:, :10]).max() < 1e-5, "no other region has an effect"
    assert np.abs(evidence[7]).max() < 1e-5


def test_a_blank_image_has_an_empty_map():
    assert not occlusion.occlusion_map(sensitive_model(slice(0, 28), slice(0, 28)), np.zeros((28, 28), np.uint8)).any()


def test_every_pixel_is_covered_in_a_single_batch():
    batches = []

    def model(images: np.ndarray) -> np.ndarray:
        batches.append(images)
        return np.full((len(images), 10), 0.1, np.float32)

    occlusion.occlusion_map(model, np.full((28, 28), 255, np.uint8))
    assert len(batches) == 1
    assert len(batches[0]) == 1 + 14 * 14
    assert (batches[0] == 0).any(0).all()
