import numpy as np

from mnistdash.imaging import segmentation


def sheet(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Return 100x300 foreground with boxes of (top, bottom, left, right)."""
    foreground = np.zeros((100, 300), np.float32)
    for top, bottom, left, right in boxes:
        foreground[top:bottom, left:right] = 1
    return foreground


def test_components_are_sorted_from_left_to_right():
    foreground = sheet((10, 90, 200, 220), (10, 90, 20, 40), (30, 80, 100, 130))
    components, label_image = segmentation.find_components(foreground)
    assert [component.left for component in components] == [20, 100, 200]
    assert components[1].cut_out(foreground, label_image).shape == (50, 30)


def test_overlapping_boxes_do_not_share_foreground():
    """A 7 overhangs a 1; each is cropped without pixels of the other."""
    foreground = sheet((10, 20, 20, 100), (40, 90, 80, 90))
    foreground[10:90, 20:25] = 1
    components, label_image = segmentation.find_components(foreground)
    assert sum(component.cut_out(foreground, label_image).sum() for component in components) == foreground.sum()


def test_stacked_components_are_merged():
    """Examples are the bar of a 5 and the halves of a broken 8."""
    components, _ = segmentation.find_components(sheet((10, 20, 50, 90), (40, 90, 40, 80), (40, 90, 150, 170)))
    assert [(component.left, component.right) for component in components] == [(40, 90), (150, 170)]


def test_distant_components_are_not_candidates_for_one_digit():
    near, _ = segmentation.find_components(sheet((10, 90, 20, 40), (10, 90, 60, 80)))
    far, _ = segmentation.find_components(sheet((10, 90, 20, 40), (10, 90, 120, 140)))
    assert set(segmentation.candidates(near)) == {(0, 1), (0, 2), (1, 2)}
    assert set(segmentation.candidates(far)) == {(0, 1), (1, 2)}


def test_best_segmentation_has_the_highest_total_score():
    scores = {(0, 1): -2.0, (1, 2): -2.0, (2, 3): -0.1, (0, 2): -0.5, (1, 3): -0.2}
    assert segmentation.best_segmentation(scores, 3) == [(0, 2), (2, 3)]
    scores[0, 1] = -0.1
    assert segmentation.best_segmentation(scores, 3) == [(0, 1), (1, 3)]


def test_too_many_components_are_one_digit():
    foreground = np.zeros((50, 1000), np.float32)
    foreground[10:20, ::10] = 1
    components, _ = segmentation.find_components(foreground)
    assert len(components) == 1
