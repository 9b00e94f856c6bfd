import numpy as np
import pytest

from mnistdash.imaging import stroke_width
from mnistdash.synthesis import pen


@pytest.mark.parametrize("width", [3.0, 8.0, 20.0])
def test_stroke_width_is_the_width_of_the_pen(width):
    drawn = pen.draw_strokes([np.array([[30.0, 50.0], [170.0, 150.0]])], width, 200)
    assert drawn.shape == (200, 200)
    assert drawn.dtype == np.float32
    assert stroke_width.stroke_width(drawn) == pytest.approx(width, rel=0.15, abs=0.6)


def test_one_point_is_a_dot_and_blank_foreground_has_no_stroke_width():
    dot = pen.draw_strokes([np.array([[50.0, 50.0]])], 20, 100)
    assert dot.sum() == pytest.approx(np.pi * 10**2, rel=0.1)
    assert stroke_width.stroke_width(np.zeros((10, 10), np.float32)) == 0


def test_curve_passes_through_its_points():
    points = np.array([[0.0, 0.0], [5.0, 8.0], [10.0, 0.0]])
    made = pen.smooth_curve(points)
    assert all(np.abs(made - point).sum(1).min() < 1e-9 for point in points)
    assert len(made) > len(points)
    assert np.array_equal(pen.smooth_curve(points[:2]), points[:2])
