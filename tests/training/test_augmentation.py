import numpy as np
import pytest
from keras import ops

from mnistdash.training.augmentation import RandomHandwriting

IMAGES = np.random.default_rng(0).random((6, 28, 28), np.float32)
NO_WARP = {"degrees": 0, "scale": 0, "shear": 0, "shift": 0, "bend": 0, "elastic": 0}
NO_STROKE_CHANGE = {"thinner": 0, "thicker": 0, "softer": 0, "harder": 0}


def augment(images: np.ndarray, **options) -> np.ndarray:
    return ops.convert_to_numpy(RandomHandwriting(**options)(images, training=True))


def test_images_stay_unchanged_outside_training():
    assert np.array_equal(RandomHandwriting()(IMAGES, training=False), IMAGES)


def test_images_change_differently_and_keep_their_range():
    augmented = augment(np.repeat(IMAGES[:1], 6, axis=0), seed=1)
    assert augmented.shape == IMAGES.shape
    assert augmented.min() >= 0
    assert augmented.max() <= 1
    assert len({image.tobytes() for image in augmented}) == 6


def test_zero_strength_is_the_identity():
    assert np.allclose(augment(IMAGES, **NO_WARP, **NO_STROKE_CHANGE), IMAGES, atol=1e-5)


def test_strength_varies_between_images():
    images = np.repeat(IMAGES[:1], 200, axis=0)
    change = np.sort(np.abs(augment(images, seed=1, **NO_STROKE_CHANGE) - images).mean((1, 2)))
    assert change[5] < 0.2 * change[-5]


def test_rotation_is_about_the_center():
    dot = np.zeros((200, 28, 28), np.float32)
    dot[:, 13:15, 13:15] = 1
    rotated = augment(dot, **(NO_WARP | {"degrees": 90}), **NO_STROKE_CHANGE)
    assert rotated[:, 11:17, 11:17].sum() > 0.99 * rotated.sum()


@pytest.mark.parametrize("option", [{"bend": 0.02}, {"elastic": 1.0}, {"shear": 0.3}, {"scale": 0.2}], ids=str)
def test_each_warp_moves_foreground_and_keeps_most_of_it(option):
    box = np.zeros((50, 28, 28), np.float32)
    box[:, 8:20, 8:20] = 1
    warped = augment(box, **(NO_WARP | option), **NO_STROKE_CHANGE)
    assert np.abs(warped - box).sum() > 1
    assert 0.8 < warped.sum() / box.sum() < 1.25


@pytest.mark.parametrize(
    ("option", "sign"), [({"thicker": 0.7}, 1), ({"thinner": 0.5}, -1)], ids=["thicker", "thinner"]
)
def test_strokes_become_thicker_or_thinner(option, sign):
    line = np.zeros((50, 28, 28), np.float32)
    line[:, 5:23, 13:16] = 1
    augmented = augment(line, **NO_WARP, **(NO_STROKE_CHANGE | option))
    assert sign * (augmented.sum() - line.sum()) > 10


def test_seed_reproduces_the_augmentation():
    assert np.array_equal(augment(IMAGES, seed=3), augment(IMAGES, seed=3))
    assert not np.array_equal(augment(IMAGES, seed=3), augment(IMAGES, seed=4))
