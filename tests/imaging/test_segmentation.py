import numpy as np

from mnistdash.imaging import segmentation


def sheet(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Ink in boxes of (top, bottom, left, right) on 100x300 paper."""
    ink = np.zeros((100, 300), np.float32)
    for top, bottom, left, right in boxes:
        ink[top:bottom, left:right] = 1
    return ink


def test_blobs_come_from_left_to_right_with_their_own_ink():
    ink = sheet((10, 90, 200, 220), (10, 90, 20, 40), (30, 80, 100, 130))
    blobs, labelled = segmentation.find_components(ink)
    assert [blob.left for blob in blobs] == [20, 100, 200]
    assert blobs[1].cut_out(ink, labelled).shape == (50, 30)


def test_overlapping_boxes_keep_their_ink_apart():
    """A 7 that hangs over a 1: each is cut out without the other's pixels."""
    ink = sheet((10, 20, 20, 100), (40, 90, 80, 90))
    ink[10:90, 20:25] = 1
    blobs, labelled = segmentation.find_components(ink)
    assert sum(blob.cut_out(ink, labelled).sum() for blob in blobs) == ink.sum()


def test_what_lies_over_one_another_is_one_blob():
    """The bar over a 5, or the two halves of a broken 8."""
    blobs, _ = segmentation.find_components(sheet((10, 20, 50, 90), (40, 90, 40, 80), (40, 90, 150, 170)))
    assert [(blob.left, blob.right) for blob in blobs] == [(40, 90), (150, 170)]


def test_far_blobs_are_never_candidates_for_one_digit():
    near, _ = segmentation.find_components(sheet((10, 90, 20, 40), (10, 90, 60, 80)))
    far, _ = segmentation.find_components(sheet((10, 90, 20, 40), (10, 90, 120, 140)))
    assert set(segmentation.candidates(near)) == {(0, 1), (0, 2), (1, 2)}
    assert set(segmentation.candidates(far)) == {(0, 1), (1, 2)}


def test_the_best_split_is_the_one_whose_scores_add_up_to_the_most():
    scores = {(0, 1): -2.0, (1, 2): -2.0, (2, 3): -0.1, (0, 2): -0.5, (1, 3): -0.2}
    assert segmentation.best_segmentation(scores, 3) == [(0, 2), (2, 3)]
    scores[0, 1] = -0.1
    assert segmentation.best_segmentation(scores, 3) == [(0, 1), (1, 3)]


def test_a_sheet_of_dots_is_not_a_number():
    ink = np.zeros((50, 1000), np.float32)
    ink[10:20, ::10] = 1
    blobs, _ = segmentation.find_components(ink)
    assert len(blobs) == 1
