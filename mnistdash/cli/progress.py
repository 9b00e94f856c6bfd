"""Progress bars in a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mnistdash.runs.events import EventWriter


@contextmanager
def download_bar() -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes (bytes received, total bytes) and shows them in a bar, which appears at its call."""
    with tqdm(desc="Downloading MNIST", unit="B", unit_scale=True, delay=0.1) as bar:

        def show(received: int, total: int) -> None:
            bar.total = total
            bar.update(received - bar.n)

        yield show


class TrainingBar(EventWriter):
    """Writes a run's events and shows them: a bar of steps, and a line per epoch."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self._bar = tqdm(disable=True)

    def write(self, event: str, **fields: Any) -> dict[str, Any]:
        """Write an event and update the bar."""
        record = super().write(event, **fields)
        if event == "fitting":
            # disable=None: no bar without a terminal, where it could not be redrawn.
            self._bar = tqdm(total=record["steps"], unit="step", file=sys.stderr, disable=None)
        elif event == "batch":
            self._bar.set_postfix(loss=f"{record['loss']:.4f}", accuracy=f"{record['accuracy']:.2%}", refresh=False)
            self._bar.update(record["step"] - self._bar.n)
        elif event == "epoch":
            self._bar.update(record["step"] - self._bar.n)
            line = (
                f"epoch {record['epoch']}: loss {record['loss']:.4f}, accuracy {record['accuracy']:.2%}, validation "
                f"loss {record['val_loss']:.4f}, validation accuracy {record['val_accuracy']:.2%}"
            )
            tqdm.write(line, file=sys.stdout)
        elif event == "ended":
            self._bar.close()
        return record
