"""Dashboard without pages, which runs the queue with fake workers and submits a run per argument."""

import sys
from pathlib import Path

from mnistdash.jobs import processes
from mnistdash.jobs.queue import JobQueue
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import Settings

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def fake_command(run: str | None) -> list[str]:
    """Return the command line of a fake worker."""
    return [sys.executable, str(FAKE_WORKER), *([] if run is None else [run])]


if __name__ == "__main__":
    processes.worker_command = fake_command
    settings = Settings.from_environment()
    queue = JobQueue(settings)
    queue.start()
    for name in sys.argv[1:]:
        queue.submit(configure(RECIPES["softmax"], settings.models, name=name))
    print("ready", flush=True)
    sys.stdin.read()
    queue.close()
