"""Measure the cost of one look at a long run on Train: `python benchmarks/look.py [--batches N]`.

A look reads the run's events and draws its two charts. The first one reads the whole file, as a new server does.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import plotly.io

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mnistdash.runs.events import FILE_NAME
from mnistdash.runs.history import History, HistoryReader
from mnistdash.ui.plots.training import accuracy_chart, loss_chart

STEPS = 2  # per batch event
EPOCHS = 100
LOOKS = 20  # averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=200_000, help="batch events of the run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        path.write_text("".join(json.dumps(event) + "\n" for event in events(options.batches)))
        print(f"{options.batches:,} batch events, {path.stat().st_size / 1e6:.1f} MB\n")
        print("| look | CPU ms | of them reading | charts, kB |\n|---|---|---|---|")
        reader = HistoryReader(path.parent)
        look("first", reader.read)
        look("nothing new", reader.read, LOOKS)
        with path.open("a") as file:
            look("one new event", lambda: (append(file, options.batches), reader.read())[1], LOOKS)


def events(batches: int) -> Iterator[dict]:
    """Yield the events of a run as training writes them."""
    plan = {"steps": batches * STEPS, "epochs": EPOCHS, "batch_size": 128, "examples": batches * STEPS * 128 // EPOCHS}
    yield {"event": "fitting", "elapsed": 4.0, **plan, "data": "mnist", "precision": "float32"}
    for number in range(1, batches + 1):
        yield batch(number)
        if number % (batches // EPOCHS) == 0:
            epoch = number // (batches // EPOCHS)
            yield {
                **batch(number),
                "event": "epoch",
                "epoch": epoch,
                "val_loss": 0.1,
                "val_accuracy": 0.98,
                "best": True,
            }


def batch(number: int) -> dict:
    """Return one batch event."""
    return {
        **{"event": "batch", "elapsed": 5 + number / 2, "step": STEPS * number, "epoch": 1},
        **{"loss": round(1 / (1 + number / 1000), 6), "accuracy": 0.98765},
        **{"learning_rate": 2.0040081381011987e-06, "images_per_second": 512.3},
    }


def append(file, number: int) -> None:
    """Append one event."""
    file.write(json.dumps(batch(number)) + "\n")
    file.flush()


def look(name: str, read: Callable[[], History], looks: int = 1) -> None:
    """Read the run, draw its charts, and print a row."""
    reading, began = 0.0, time.process_time()
    for _ in range(looks):
        before = time.process_time()
        history = read()
        reading += time.process_time() - before
        charts = [plotly.io.to_json(chart(history), validate=False) for chart in (loss_chart, accuracy_chart)]
    seconds = time.process_time() - began
    size = sum(map(len, charts))
    print(f"| {name} | {1e3 * seconds / looks:,.1f} | {1e3 * reading / looks:,.1f} | {size / 1e3:,.0f} |")


if __name__ == "__main__":
    main()
