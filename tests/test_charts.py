import numpy as np
from test_history import FITTING, STARTED, batch, epoch

from mnistdash import charts
from mnistdash.history import History
from mnistdash.recipes import Published


def by_name(figure) -> dict:
    return {trace.name: trace for trace in figure.data}


def history() -> History:
    ends = [{**epoch(number, 8.0 + number), "val_loss": 0.5 / number} for number in (1, 2)]
    return History.of([STARTED, FITTING, batch(5, 6.0), ends[0], batch(15, 9.5), ends[1]])


def test_curves_lie_where_they_were_measured():
    """Batches in between the epochs; training and validation means at each epoch's end."""
    traces = by_name(charts.loss_chart(history()))
    assert traces["per batch"].x == (0.5, 1.5)
    assert traces["validation"].x == traces["training"].x == (1.0, 2.0)
    assert traces["validation"].y == (0.5, 0.25)


def test_training_and_validation_differ_in_more_than_colour():
    traces = by_name(charts.accuracy_chart(history()))
    assert traces["validation"].marker.symbol != traces["training"].marker.symbol
    assert traces["validation"].line.dash != traces["training"].line.dash


def test_the_published_figure_is_a_line():
    figure = charts.accuracy_chart(history(), Published(0.9919))
    assert figure.layout.shapes[0].y0 == 0.9919
    assert "99.19%" in figure.layout.annotations[0].text
    assert not charts.accuracy_chart(history()).layout.shapes


def test_the_axis_spans_the_whole_run_from_the_start():
    """Otherwise the curve would be squeezed anew at each update."""
    start, end = charts.loss_chart(history()).layout.xaxis.range
    assert start == 0
    assert 3 <= end < 3.2


def test_before_the_first_event_there_is_an_empty_chart():
    figure = charts.accuracy_chart(History.of([]))
    assert tuple(figure.layout.yaxis.range) == (0, 1)


def test_the_confusion_matrix_shows_counts_and_colours_errors_only():
    confusion = np.diag(np.full(10, 900))
    confusion[4, 9] = 5
    (heatmap,) = charts.confusion_chart(confusion).data
    assert heatmap.text[0][0] == 900
    assert heatmap.z[0][0] == 0
    assert heatmap.z[4][9] == heatmap.zmax == 5
    assert confusion[0, 0] == 900, "the argument is left as it was"


def test_digit_counts_have_a_bar_for_each_digit_and_split():
    figure = charts.digit_counts_chart({"train": np.arange(10), "test": np.ones(10, int)})
    assert [len(trace.y) for trace in figure.data] == [10, 10]
