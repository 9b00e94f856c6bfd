import numpy as np
import pytest
from keras import ops

from mnistdash.training.augmentation import RandomHandwriting

IMAGES = np.random.default_rng(0).random((6, 28, 28), np.float32)
STILL = {"degrees": 0, "scale": 0, "shear": 0, "shift": 0, "bend": 0, "elastic": 0}
SAME_PEN = {"thinner": 0, "thicker": 0, "softer": 0, "harder": 0}


def changed(images: np.ndarray, **options) -> np.ndarray:
    return ops.convert_to_numpy(RandomHandwriting(**options)(images, training=True))


def test_it_changes_nothing_outside_training():
    assert np.array_equal(RandomHandwriting()(IMAGES, training=False), IMAGES)


def test_it_keeps_shape_and_range_and_treats_each_image_differently():
    made = changed(np.repeat(IMAGES[:1], 6, axis=0), seed=1)
    assert made.shape == IMAGES.shape
    assert made.min() >= 0
    assert made.max() <= 1
    assert len({image.tobytes() for image in made}) == 6


def test_with_nothing_to_change_it_is_the_identity():
    """Guards the map: every pixel must stay where it is."""
    assert np.allclose(changed(IMAGES, **STILL, **SAME_PEN), IMAGES, atol=1e-5)


def test_some_images_are_hardly_changed_and_others_in_every_way():
    images = np.repeat(IMAGES[:1], 200, axis=0)
    change = np.sort(np.abs(changed(images, seed=1, **SAME_PEN) - images).mean((1, 2)))
    assert change[5] < 0.2 * change[-5]


def test_it_turns_about_the_middle():
    dot = np.zeros((200, 28, 28), np.float32)
    dot[:, 13:15, 13:15] = 1
    turned = changed(dot, **(STILL | {"degrees": 90}), **SAME_PEN)
    assert turned[:, 11:17, 11:17].sum() > 0.99 * turned.sum()


@pytest.mark.parametrize("way", [{"bend": 0.02}, {"elastic": 1.0}, {"shear": 0.3}, {"scale": 0.2}], ids=str)
def test_each_way_of_warping_moves_ink_and_keeps_most_of_it(way):
    box = np.zeros((50, 28, 28), np.float32)
    box[:, 8:20, 8:20] = 1
    warped = changed(box, **(STILL | way), **SAME_PEN)
    assert np.abs(warped - box).sum() > 1
    assert 0.8 < warped.sum() / box.sum() < 1.25


@pytest.mark.parametrize(("way", "sign"), [({"thicker": 0.7}, 1), ({"thinner": 0.5}, -1)], ids=["thicker", "thinner"])
def test_strokes_become_thicker_or_thinner(way, sign):
    line = np.zeros((50, 28, 28), np.float32)
    line[:, 5:23, 13:16] = 1
    made = changed(line, **STILL, **(SAME_PEN | way))
    assert sign * (made.sum() - line.sum()) > 10


def test_a_seed_repeats_it():
    assert np.array_equal(changed(IMAGES, seed=3), changed(IMAGES, seed=3))
    assert not np.array_equal(changed(IMAGES, seed=3), changed(IMAGES, seed=4))


def test_its_settings_survive_saving():
    layer = RandomHandwriting(elastic=0.3, seed=7)
    assert RandomHandwriting.from_config(layer.get_config()).get_config() == layer.get_config()
