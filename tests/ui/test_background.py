import threading

import pytest

from mnistdash.ui.background import BackgroundTask

PATIENCE = 60  # seconds


def test_progress_is_available_until_the_result_is_ready():
    proceed, reported = threading.Event(), threading.Event()

    def work(progress) -> str:
        progress(0.25)
        reported.set()
        proceed.wait(PATIENCE)
        progress(1.0)
        return "made"

    task = BackgroundTask(work)
    reported.wait(PATIENCE)
    assert task.progress == 0.25
    assert not task.wait(0.01)
    proceed.set()
    assert task.wait(PATIENCE)
    assert task.progress == 1
    assert task.result() == task.result() == "made"


def test_an_exception_reaches_every_caller():
    def work(progress) -> None:
        raise OSError("unforeseen")

    task = BackgroundTask(work)
    assert task.wait(PATIENCE)
    for _ in range(2):
        with pytest.raises(OSError, match="unforeseen"):
            task.result()


def test_a_finished_task_can_restart():
    results = ["first", "second"]
    task = BackgroundTask(lambda progress: results.pop(0))
    assert task.result() == "first"
    task.restart()
    assert task.result() == "second"


def test_restarting_a_running_task_does_nothing():
    """Thirty visitors may press "Try again"."""
    proceed, calls = threading.Event(), []

    def work(progress) -> None:
        calls.append(1)
        proceed.wait(PATIENCE)

    task = BackgroundTask(work)
    for _ in range(30):
        task.restart()
    proceed.set()
    task.result()
    assert len(calls) == 1


def test_an_exiting_process_cancels_its_tasks_and_waits_for_their_threads(output_of):
    script = (
        "import time\n"
        "from mnistdash.ui.background import BackgroundTask\n"
        "def work(progress):\n"
        "    try:\n"
        "        while True: progress(0.5); time.sleep(0.01)\n"
        "    finally: print('canceled', flush=True)\n"
        "task = BackgroundTask(work)"
    )
    assert output_of(script) == "canceled"


@pytest.mark.slow
def test_a_process_exits_even_if_a_task_never_reports(output_of):
    script = (
        "import time\n"
        "from mnistdash.ui.background import BackgroundTask\n"
        "task = BackgroundTask(lambda progress: time.sleep(3600))\n"
        "print('exits')"
    )
    assert output_of(script) == "exits"
