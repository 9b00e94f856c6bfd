import pytest
from run_events import FITTING, STARTED, batch

from mnistdash.runs import store
from mnistdash.runs.history import History
from mnistdash.ui.train.run_panel import progress_text


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([STARTED], "Loading TensorFlow and the data"),
        (
            [STARTED, {"event": "preparing", "elapsed": 3.0}],
            "Generating training images: redrawn digits and non-digits",
        ),
        ([STARTED, FITTING], "Epoch 1 of 3, first steps"),
        ([STARTED, FITTING, batch(1, 6.0)], "Epoch 1 of 3, first steps"),
        (
            [STARTED, FITTING, batch(1, 6.0), batch(16, 21.0)],
            "Epoch 2 of 3, step 16 of 30 · 14 s left · 500 images/s",
        ),
        (
            [STARTED, FITTING, batch(1, 6.0), {**batch(16, 21.0), "learning_rate": 0.00123}],
            "Epoch 2 of 3, step 16 of 30 · 14 s left · 500 images/s · learning rate 0.0012",
        ),
        ([STARTED, FITTING, batch(1, 6.0), batch(30, 16.0)], "Evaluating and exporting the best epoch"),
    ],
)
def test_progress_describes_a_running_run(make_run, events, expected):
    run = store.load_run(make_run("run", events=[{**STARTED, "running": True}]))
    assert progress_text(run, History().extended(events), "running") == expected


def test_progress_describes_stopping_queued_and_failed_runs(make_run):
    empty = History().extended([])
    running = store.load_run(make_run("running", events=[{**STARTED, "running": True}]))
    assert progress_text(running, empty, "stopping") == "Stopping and saving the best weights"
    queued = store.load_run(make_run("queued"))
    assert progress_text(queued, empty, "queued") == "Queued until another run ends"
    ended = {"event": "ended", "elapsed": 5.0, "status": "failed", "reason": "The disk is full."}
    failed = store.load_run(make_run("failed", events=[STARTED, ended]))
    assert progress_text(failed, empty, None) == "Failed. No model was saved."
