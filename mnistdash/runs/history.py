"""The progress of a run, summed up from its events: phase, curves, speed and time left."""

import csv
import io
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass as validated_dataclass

from mnistdash.runs.config import MAX_EPOCHS
from mnistdash.runs.events import CHUNK_BYTES, Event, read_events
from mnistdash.runs.validation import STRICT

MAX_BATCHES = 500  # that a history keeps; an even number, so that thinning out keeps the last
FIRST_REPORTS = 6  # batch and epoch events of a run's first seconds

_Positive = Annotated[int, Field(ge=1, lt=10**15)]
_Number = Annotated[float, Field(ge=0, lt=1e15)]
_Loss = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]


@validated_dataclass(frozen=True, config=STRICT)
class Plan:
    """A "fitting" event: the planned steps and epochs (the last may be cut short), and the training images."""

    steps: _Positive
    epochs: _Positive
    batch_size: _Positive
    examples: _Positive
    data: str | None = None


@validated_dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Report:
    """A "batch" event: means over the steps since the previous one; also the common part of an "epoch" event."""

    elapsed: _Number
    step: _Positive
    loss: _Loss
    accuracy: _Share
    images_per_second: _Number
    learning_rate: _Number | None = None


@validated_dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class EpochReport(Report):
    """An "epoch" event: training means and validation results; `best` if the weights of this epoch are kept."""

    epoch: _Positive
    val_loss: _Loss
    val_accuracy: _Share
    best: bool


_KINDS: dict[str, type[Plan | Report]] = {"fitting": Plan, "batch": Report, "epoch": EpochReport}
_PHASES = ("waiting", "starting", "preparing", "fitting", "ended")


@dataclass
class History:
    """A run so far, in bounded memory. Read it only: `extended` returns a new one.

    Attributes:
        phase: "waiting" (no event yet), "starting" (TensorFlow and the data load), "preparing" (training images are
            synthesized), "fitting" or "ended".
        steps: optimizer steps planned; 0 before fitting.
        epochs_planned: epochs planned, the last perhaps cut short; 0 before fitting.
        steps_per_epoch: optimizer steps of a whole epoch; 0 before fitting.
        data: name of the data set; None before fitting.
        batches: at most MAX_BATCHES evenly spaced batch events, among them the first and the last.
        epochs: all epoch events.
        why_sample: the reason that the run trains on the offline sample; "" for MNIST.
        first_reports: the first FIRST_REPORTS batch and epoch events.
        last_report: the last batch or epoch event.
        batch_count: number of batch events, those included that `batches` leaves out.
        spacing: `batches` keeps one of so many batch events.
    """

    phase: str = "waiting"
    steps: int = 0
    epochs_planned: int = 0
    steps_per_epoch: int = 0
    data: str | None = None
    batches: list[Report] = field(default_factory=list)
    epochs: list[EpochReport] = field(default_factory=list)
    why_sample: str = ""
    first_reports: list[Report] = field(default_factory=list)
    last_report: Report | None = None
    batch_count: int = 0
    spacing: int = 1

    def extended(self, events: Iterable[Event]) -> "History":
        """Return this history with the events that follow; invalid ones are skipped."""
        longer = replace(self, batches=[*self.batches], epochs=[*self.epochs], first_reports=[*self.first_reports])
        for event in events:
            longer._add(event)
        return longer

    def _add(self, event: Event) -> None:
        kind = event["event"]
        try:
            report = _KINDS[kind](**event) if kind in _KINDS else None
        except ValidationError:
            return
        self.phase = max(self.phase, kind if kind in _PHASES else "starting", key=_PHASES.index)
        if kind == "sample":
            self.why_sample = str(event.get("why", ""))
        if isinstance(report, Plan):
            self.steps, self.epochs_planned, self.data = report.steps, report.epochs, report.data
            self.steps_per_epoch = math.ceil(report.examples / report.batch_size)
        elif report is not None:
            self._add_report(report)

    def _add_report(self, report: Report) -> None:
        if isinstance(report, EpochReport):
            if len(self.epochs) < MAX_EPOCHS:
                self.epochs.append(report)
        else:
            if (self.batch_count - 1) % self.spacing:
                self.batches.pop()  # kept only while it was the last
            self.batches.append(report)
            self.batch_count += 1
            if len(self.batches) > MAX_BATCHES:
                self.batches, self.spacing = self.batches[::2], 2 * self.spacing
        if len(self.first_reports) < FIRST_REPORTS:
            self.first_reports.append(report)
        self.last_report = report

    @property
    def step(self) -> int:
        """Optimizer steps reported so far."""
        return self.last_report.step if self.last_report else 0

    @property
    def epoch(self) -> int:
        """The current epoch, counted from 1; 0 before fitting."""
        return min(self.epochs_planned, self.step // self.steps_per_epoch + 1) if self.steps else 0

    @property
    def best_epoch(self) -> EpochReport | None:
        """The epoch whose weights are kept; None before the first has ended."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    @property
    def fraction(self) -> float:
        """Share of the planned steps that are done, in [0, 1]."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last step at the pace so far; None while the pace is unknown."""
        if self.phase != "fitting" or self.last_report is None:
            return None
        pace = _seconds_per_step(self.first_reports[0], self.last_report)
        return None if pace is None else pace * (self.steps - self.step)

    @property
    def first_estimate(self) -> float | None:
        """Seconds from the first step to the last at the pace of the first reports; None while it is unknown."""
        pace = _seconds_per_step(self.first_reports[0], self.first_reports[-1]) if self.first_reports else None
        return None if pace is None else pace * self.steps

    @property
    def mean_speed(self) -> float | None:
        """Mean images per second of the epochs; None before the first has ended."""
        speeds = [epoch.images_per_second for epoch in self.epochs]
        return sum(speeds) / len(speeds) if speeds else None

    def position(self, report: Report) -> float:
        """Return where a report lies, in epochs since the start; not whole for an epoch that was cut short."""
        return report.step / max(1, self.steps_per_epoch)


class HistoryReader:
    """Follow a run's events, and read only the new ones. Safe to share between threads.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.Lock()
        self._history, self._offset = History(), 0

    def read(self) -> History:
        """Return the history up to now."""
        with self._lock:
            while True:
                events, end = read_events(self._folder, self._offset, CHUNK_BYTES)
                if end == self._offset:
                    return self._history
                self._history, self._offset = self._history.extended(events), end


CSV_COLUMNS = (
    *("epoch", "step", "elapsed", "loss", "accuracy", "val_loss", "val_accuracy"),
    *("learning_rate", "images_per_second", "best"),
)


def epochs_csv(history: History) -> str:
    """Return the epochs as comma-separated values: a header, then a line for each epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([getattr(epoch, name) for name in CSV_COLUMNS] for epoch in history.epochs)
    return text.getvalue()


def _seconds_per_step(first: Report, last: Report) -> float | None:
    # From the end of the first report on: most of that one is spent on building the network's graph.
    return (last.elapsed - first.elapsed) / max(1, last.step - first.step) if last is not first else None
