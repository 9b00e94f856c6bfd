import io

import numpy as np
import pytest
from PIL import Image

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.ui.plots.map import COLORS, digits_picture, map_chart


@pytest.fixture
def result() -> Evaluation:
    """Return predictions for two of each digit; no. 3 is predicted as 7."""
    labels = np.repeat(np.arange(10), 2).astype(np.uint8)
    probabilities = np.full((20, 10), 0.01, np.float32)
    probabilities[np.arange(20), labels] = 0.9
    probabilities[3, 7] = 0.95
    return Evaluation(labels, probabilities)


@pytest.fixture
def points() -> np.ndarray:
    """Return points in a row from left to right, (20, 2) float32."""
    return np.column_stack((np.linspace(-1, 1, 20), np.zeros(20))).astype(np.float32)


def indices(trace) -> list[int]:
    return [] if trace.customdata is None else list(trace.customdata)


def test_each_digit_is_drawn_once_at_its_point(points, result):
    figure = map_chart(points, result, "#000000")
    drawn = [(index, x) for trace in figure.data for index, x in zip(indices(trace), trace.x, strict=False)]
    assert sorted(index for index, _ in drawn) == list(range(20))
    assert all(x == points[index, 0] for index, x in drawn)


def test_each_digit_has_a_color_and_an_entry_in_the_legend(points, result):
    figure = map_chart(points, result, "#000000")
    shown = [trace for trace in figure.data if trace.showlegend is not False]
    assert [trace.name for trace in shown] == [*map(str, range(10)), "misclassified"]
    assert indices(shown[4]) == [8, 9]
    assert len({trace.marker.color for trace in shown}) == 11
    assert [annotation.text for annotation in figure.layout.annotations] == [f"<b>{digit}</b>" for digit in range(10)]


def test_errors_are_crosses_on_top(points, result):
    figure = map_chart(points, result, "#123456")
    crosses = next(trace for trace in figure.data if indices(trace) == [3])
    assert crosses.marker.symbol == "x"
    assert crosses.marker.color == (COLORS[1],)
    assert crosses.marker.line.color == "#123456"
    assert crosses.text == ("1 predicted as 7, 95.0%",)
    assert all(3 not in indices(trace) for trace in figure.data if trace is not crosses)


def test_only_the_digits_on_the_map_are_drawn(points, result):
    figure = map_chart(points[:5], result, "#000000")
    assert sum(len(indices(trace)) for trace in figure.data) == 5


@pytest.mark.parametrize(("tool", "mode"), [("lasso", "lasso"), ("box", "select"), ("zoom", "zoom"), ("click", "pan")])
def test_each_tool_sets_the_drag_mode(points, result, tool, mode):
    assert map_chart(points, result, "#000000", tool).layout.dragmode == mode


def test_a_selection_is_drawn_and_highlights_its_digits(points, result):
    polygon = np.array([[-1.1, -1], [-0.75, -1], [-0.75, 1], [-1.1, 1]])  # two 0s and a 1
    figure = map_chart(points, result, "#000000", polygon=polygon)
    (drawn,) = figure.layout.selections
    assert drawn.path == "M-1.1,-1.0L-0.75,-1.0L-0.75,1.0L-1.1,1.0Z"
    assert list(figure.data[0].selectedpoints) == [0, 1]
    assert list(figure.data[1].selectedpoints) == [0]
    assert list(figure.data[2].selectedpoints) == []
    assert map_chart(points, result, "#000000").data[2].selectedpoints is None


def test_with_another_tool_the_selection_is_only_a_shape(points, result):
    polygon = np.array([[-1.1, -1], [-0.75, -1], [-0.75, 1]])
    figure = map_chart(points, result, "#000000", "click", polygon)
    assert not figure.layout.selections
    assert figure.layout.shapes[0].path == "M-1.1,-1.0L-0.75,-1.0L-0.75,1.0Z"


def test_a_single_selected_digit_has_a_ring(points, result):
    figure = map_chart(points, result, "#000000", polygon=points[[8]] + 0.01)
    assert list(figure.data[4].selectedpoints) == [0]
    assert (figure.data[-1].x[0], figure.data[-1].y[0]) == (points[8, 0], points[8, 1])
    assert figure.data[-1].marker.symbol == "circle-open"
    assert not figure.layout.selections


def test_one_image_holds_all_digits_in_rows_of_a_hundred(sample):
    images = sample.test.images
    picture = Image.open(io.BytesIO(digits_picture(images)))
    assert picture.size == (2_800, 84)
    cell = np.asarray(picture.convert("L"))[28:56, 140:168].astype(int)
    assert np.abs(cell - images[105]).max() <= 9
