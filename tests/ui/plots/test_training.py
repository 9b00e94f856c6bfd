import numpy as np
import pytest
from run_events import FITTING, STARTED, batch, epoch

from mnistdash.runs.history import History
from mnistdash.runs.recipes import Published
from mnistdash.ui.plots.training import (
    accuracy_chart,
    comparison_chart,
    confusion_chart,
    digit_counts_chart,
    loss_chart,
    schedule_chart,
)


def by_name(figure) -> dict:
    return {trace.name: trace for trace in figure.data}


def history() -> History:
    ends = [{**epoch(number, 8.0 + number), "val_loss": 0.5 / number} for number in (1, 2)]
    return History().extended([STARTED, FITTING, batch(5, 6.0), ends[0], batch(15, 9.5), ends[1]])


def test_curves_lie_where_they_were_measured():
    """Batches in between the epochs; training and validation means at each epoch's end."""
    traces = by_name(loss_chart(history()))
    assert traces["per batch"].x == (0.5, 1.5)
    assert traces["validation"].x == traces["training"].x == (1.0, 2.0)
    assert traces["validation"].y == (0.5, 0.25)


def test_a_curve_of_a_long_run_has_few_points():
    """A browser gets a chart at each look; 200,000 batches would be 7 MB."""
    events = [batch(step, float(step)) for step in range(1, 5_001)] + [epoch(n, 5_000.0 + n) for n in range(1, 1_001)]
    found = History().extended([STARTED, FITTING, *events])
    for figure in (loss_chart(found), accuracy_chart(found), comparison_chart({"one": found}, "loss")):
        assert all(len(trace.x) == len(trace.y) <= 500 for trace in figure.data)
    assert by_name(loss_chart(found))["per batch"].x[-1] == 5_000 / 10
    assert by_name(loss_chart(found))["validation"].x[-1] == 10_000 / 10


def test_training_and_validation_differ_in_more_than_colour():
    traces = by_name(accuracy_chart(history()))
    assert traces["validation"].marker.symbol != traces["training"].marker.symbol
    assert traces["validation"].line.dash != traces["training"].line.dash


def test_the_published_figure_is_a_line():
    figure = accuracy_chart(history(), Published(0.9919, "99.19%"))
    assert figure.layout.shapes[0].y0 == 0.9919
    assert "99.19%" in figure.layout.annotations[0].text
    assert not accuracy_chart(history()).layout.shapes


def test_the_axis_spans_the_whole_run_from_the_start():
    """Otherwise the curve would be squeezed anew at each update."""
    start, end = loss_chart(history()).layout.xaxis.range
    assert start == 0
    assert 3 <= end < 3.2


def test_before_the_first_event_there_is_an_empty_chart():
    low, high = accuracy_chart(History().extended([])).layout.yaxis.range
    assert low == 0
    assert 1 <= high < 1.05
    assert tuple(loss_chart(History().extended([])).layout.yaxis.range) == (0, 1)


@pytest.mark.parametrize(
    ("training", "validation", "published", "low"),
    [
        (0.999, 0.9956, None, 0.993),
        (0.98, 0.9956, None, 0.97),
        (0.93, 0.92, None, 0.85),
        (0.999, 0.9956, 0.92, 0.85),
        (0.4, 0.3, None, 0.0),
    ],
)
def test_the_accuracy_axis_shows_both_curves_and_the_published_line_and_little_more(
    training, validation, published, low
):
    found = History().extended([STARTED, FITTING, {**epoch(1, 9.0), "accuracy": training, "val_accuracy": validation}])
    line = Published(published, "") if published else None
    assert accuracy_chart(found, line).layout.yaxis.range[0] == pytest.approx(low)


def test_the_accuracy_axis_keeps_still_while_little_changes():
    lows = {
        accuracy_chart(
            History().extended([STARTED, FITTING, {**epoch(1, 9.0), "accuracy": 0.999, "val_accuracy": reached}])
        ).layout.yaxis.range[0]
        for reached in np.arange(0.9956, 0.9966, 0.0002)
    }
    assert len(lows) == 1


def test_the_best_epoch_is_marked():
    events = [STARTED, FITTING, epoch(1, 9.0), {**epoch(2, 12.0), "val_accuracy": 0.9}, epoch(3, 15.0, best=False)]
    chart = accuracy_chart(History().extended(events))
    mark = by_name(chart)["best epoch"]
    assert (mark.x, mark.y) == ((2.0,), (0.9,))
    assert chart.layout.margin.r >= 12, "half of its word, in pixels, as the best epoch may be the last"
    assert "best epoch" not in by_name(accuracy_chart(History().extended([STARTED, FITTING])))


def test_a_logarithmic_loss_axis_is_another_axis_to_zoom():
    linear, log = loss_chart(history()), loss_chart(history(), log=True)
    assert log.layout.yaxis.type == "log"
    assert linear.layout.yaxis.type is None
    assert linear.layout.uirevision != log.layout.uirevision


def test_a_schedule_is_drawn_over_the_epochs_to_come():
    (line,) = schedule_chart("cosine", 0.002, 12).data
    assert (line.x[0], line.x[-1]) == (0, 12)
    assert max(line.y) == pytest.approx(0.002)
    assert (line.y[0], line.y[-1]) == pytest.approx((0, 0))


def test_the_confusion_matrix_shows_counts_and_colours_errors_only():
    confusion = np.diag(np.full(10, 900))
    confusion[4, 9] = 5
    (heatmap,) = confusion_chart(confusion).data
    assert heatmap.text[0][0] == 900
    assert heatmap.z[0][0] == 0
    assert heatmap.z[4][9] == heatmap.zmax == 5
    assert confusion[0, 0] == 900, "the argument is left as it was"


def test_digit_counts_have_a_bar_for_each_digit_and_split():
    figure = digit_counts_chart({"train": np.arange(10), "test": np.ones(10, int)})
    assert [len(trace.y) for trace in figure.data] == [10, 10]


def test_runs_are_compared_by_their_validation_curves():
    figure = comparison_chart({"one": history(), "two": History().extended([STARTED, FITTING])}, "loss", log=True)
    one, two = figure.data
    assert (one.name, one.x, one.y) == ("one", (1.0, 2.0), (0.5, 0.25))
    assert (two.name, two.x) == ("two", ())
    assert one.marker.symbol != two.marker.symbol
    assert figure.layout.yaxis.type == "log"
    assert comparison_chart({"one": history()}, "accuracy", log=True).layout.yaxis.type is None
