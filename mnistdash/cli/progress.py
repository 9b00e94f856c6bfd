"""What the command line shows while it works: progress bars, and native libraries kept quiet."""

import sys
from pathlib import Path

from tqdm import tqdm

from mnistdash.runs.events import EventWriter


class DownloadBar:
    """A progress bar that appears with the first byte."""

    def __init__(self):
        self._bar: tqdm | None = None

    def __enter__(self) -> "DownloadBar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, received: int, total: int) -> None:
        if self._bar is None:
            self._bar = tqdm(desc="Downloading MNIST", total=total, unit="B", unit_scale=True, file=sys.stderr)
        self._bar.n = received
        self._bar.refresh()


class TrainingBar(EventWriter):
    """Writes a run's events, and shows them: a bar over the steps, a line for each epoch."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self._bar: tqdm | None = None

    def write(self, event: str, **fields: object) -> dict:
        record = super().write(event, **fields)
        if event == "fitting":
            # Without a terminal there is nothing to redraw; the lines for each epoch remain.
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
        elif event == "ended" and self._bar is not None:
            self._bar.close()
        return record
