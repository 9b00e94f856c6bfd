"""Progress bars in a terminal."""

import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mnistdash.runs.events import EventWriter


class DownloadBar:
    """A progress bar that appears with the first byte."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def __enter__(self) -> "DownloadBar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, received: int, total: int) -> None:
        """Update the bar; bytes."""
        if self._bar is None:
            self._bar = tqdm(desc="Downloading MNIST", total=total, unit="B", unit_scale=True, file=sys.stderr)
        self._bar.n = received
        self._bar.refresh()


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
