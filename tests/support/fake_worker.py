"""A worker that follows the real protocol but trains nothing: `python fake_worker.py [RUN]`.

The seed of the run says what it does: 0 waits until it has to stop, 1 crashes, 2 does not listen, 3 finishes at once.
"""

import os
import sys
import threading
import time

from mnistdash.data import sample
from mnistdash.jobs import worker
from mnistdash.runs.config import RunConfig


def train(config: RunConfig, folder, dataset, writer, stop: threading.Event, throughput) -> None:
    """Do what the seed says, in place of training."""
    print("hello from the worker", flush=True)
    if config.seed == 1:
        os.abort()
    if config.seed == 2:
        time.sleep(600)
    if config.seed == 0:
        stop.wait()


if __name__ == "__main__":
    worker._import_train = lambda: train
    worker._warm_up = lambda settings: "the data"
    sample.load_mnist_or_sample = lambda *_, **__: ("the data", None)
    sys.exit(worker.main(sys.argv[1:]))
