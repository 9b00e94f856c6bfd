import numpy as np
import pytest

from mnistdash.ui.errors import lasso

SQUARE = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


def test_points_inside_a_polygon_of_either_direction():
    points = np.array([[0, 0], [0.49, -0.49], [0.51, 0], [-0.51, 0], [0, 0.51], [0, -0.51]])
    np.testing.assert_array_equal(lasso.points_inside(points, SQUARE), [True, True, False, False, False, False])
    np.testing.assert_array_equal(lasso.points_inside(points, SQUARE[::-1]), lasso.points_inside(points, SQUARE))


def test_a_notch_and_the_middle_of_a_star_are_outside():
    notched = np.array([[-1, -1], [1, -1], [1, 1], [0, 0], [-1, 1]])
    np.testing.assert_array_equal(lasso.points_inside(np.array([[0, 0.5], [0, -0.5]]), notched), [False, True])
    star = np.array([[np.sin(4 * np.pi * k / 5), np.cos(4 * np.pi * k / 5)] for k in range(5)])
    np.testing.assert_array_equal(lasso.points_inside(np.array([[0, 0], [0, 0.8]]), star), [False, True])


def test_a_single_vertex_selects_the_nearest_digit():
    points = np.array([[0, 0], [0.1, 0], [0.2, 0]])
    np.testing.assert_array_equal(lasso.points_inside(points, np.array([[0.11, 0.5]])), [False, True, False])


def test_a_selection_is_restored_from_the_address():
    text = lasso.format_lasso(SQUARE)
    assert text.startswith("-0.500,-0.500;0.500")
    np.testing.assert_array_equal(lasso.parse_lasso(text), SQUARE)
    np.testing.assert_array_equal(lasso.parse_lasso(lasso.format_lasso(SQUARE[:1] / 1_000)), SQUARE[:1] / 1_000)


def test_a_selection_far_beyond_the_map_is_clipped():
    assert lasso.parse_lasso(lasso.format_lasso(100 * SQUARE)).max() == lasso.MAX_COORDINATE


def test_a_long_selection_is_simplified_and_selects_the_same():
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    polygon = 0.8 * np.column_stack((np.cos(turn), np.sin(turn)))
    short = lasso.parse_lasso(lasso.format_lasso(polygon))
    assert len(short) == lasso.MAX_VERTICES
    points = np.random.default_rng(0).uniform(-1, 1, (2_000, 2))
    assert (lasso.points_inside(points, short) != lasso.points_inside(points, polygon)).mean() < 0.02


@pytest.mark.parametrize(
    "text",
    ["", "x", "1,2;3", "1,2,3", "0,0;1,1", "0,0;1,0;nan,1", "0,0;1,0;inf,1", "0,0;1,0;0,11", ";".join(["0,1"] * 25)],
)
def test_other_text_is_not_a_selection(text):
    assert lasso.parse_lasso(text) is None
