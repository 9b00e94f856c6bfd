"""What a run's events add up to: how far it is, how long it will take, its curves."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

FIRST_REPORTS = 6  # some seconds
NUMBERS = {  # that an event of a kind must hold; a file may have been damaged, or be from elsewhere
    "fitting": ("steps", "epochs", "batch_size", "examples"),
    "batch": ("step", "images_per_second"),
    "epoch": ("step", "epoch", "images_per_second", "val_accuracy", "accuracy"),
}


@dataclass(frozen=True)
class History:
    """A run so far.

    Attributes:
        phase: "waiting" (no event yet), "starting" (libraries and data load), "preparing" (training images are
            made), "fitting" or "ended".
        steps: optimizer steps planned; 0 before fitting.
        epochs_planned: epochs planned, the last perhaps cut short; 0 before fitting.
        steps_per_epoch: of a whole epoch; 0 before fitting.
        batches: "batch" events.
        epochs: "epoch" events.
        data: name of the data set; None before fitting.
        why_sample: why it trains on the offline sample; "" for MNIST.
    """

    phase: str
    steps: int
    epochs_planned: int
    steps_per_epoch: int
    batches: Sequence[dict]
    epochs: Sequence[dict]
    data: str | None = None
    why_sample: str = ""

    @classmethod
    def from_events(cls, events: Sequence[dict]) -> "History":
        """Add up a run's events, given in their order; those that lack something are left out."""
        events = [event for event in events if _is_whole(event)]
        kinds = {kind: [e for e in events if e["event"] == kind] for kind in ("batch", "epoch", "fitting", "ended")}
        fitting = kinds["fitting"][0] if kinds["fitting"] else {}
        if kinds["ended"]:
            phase = "ended"
        elif fitting:
            phase = "fitting"
        elif any(event["event"] == "preparing" for event in events):
            phase = "preparing"
        else:
            phase = "starting" if events else "waiting"
        return cls(
            phase=phase,
            steps=fitting.get("steps", 0),
            epochs_planned=fitting.get("epochs", 0),
            steps_per_epoch=-(-fitting["examples"] // fitting["batch_size"]) if fitting else 0,
            batches=kinds["batch"],
            epochs=kinds["epoch"],
            data=fitting.get("data"),
            why_sample=next((str(event.get("why", "")) for event in events if event["event"] == "sample"), ""),
        )

    @property
    def step(self) -> int:
        """Optimizer steps done, as far as reported."""
        return max((events[-1]["step"] for events in (self.batches, self.epochs) if events), default=0)

    @property
    def epoch(self) -> int:
        """The epoch at hand, counted from 1; 0 before fitting."""
        return min(self.epochs_planned, int(self.step // self.steps_per_epoch) + 1) if self.steps_per_epoch else 0

    @property
    def best_epoch(self) -> dict | None:
        """The "epoch" event of the weights that are kept, or None before there is one."""
        return next((event for event in reversed(self.epochs) if event["best"]), None)

    @property
    def learning_rate(self) -> float | None:
        """As last reported, or None."""
        return next((e["learning_rate"] for e in reversed(self.batches) if "learning_rate" in e), None)

    @property
    def fraction(self) -> float:
        """Share of the planned steps that is done, in [0, 1]."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until the last step, at the pace so far; None where there is no pace yet."""
        pace = _seconds_per_step(self._reports) if self.phase == "fitting" else None
        return None if pace is None else pace * (self.steps - self.step)

    @property
    def first_estimate(self) -> float | None:
        """Seconds from the first step to the last, as the first reports promise; does not change after them."""
        pace = _seconds_per_step(self._reports[:FIRST_REPORTS])
        return None if pace is None else pace * self.steps

    @property
    def _reports(self) -> list[dict]:
        return sorted([*self.batches, *self.epochs], key=_elapsed)

    @property
    def images_per_second(self) -> float | None:
        """As last reported, or None."""
        last = max((events[-1] for events in (self.batches, self.epochs) if events), key=_elapsed, default=None)
        return last["images_per_second"] if last else None

    @property
    def mean_speed(self) -> float | None:
        """Images per second over all epochs, each weighted alike, or None before the first has ended."""
        speeds = [event["images_per_second"] for event in self.epochs]
        return sum(speeds) / len(speeds) if speeds else None

    def batch_epochs(self) -> list[float]:
        """Where each batch event lies, in epochs since the start."""
        return [event["step"] / self.steps_per_epoch for event in self.batches]

    def epoch_ends(self) -> list[float]:
        """Where each epoch ended, in epochs since the start; not whole where it was cut short."""
        return [event["step"] / self.steps_per_epoch for event in self.epochs]


CSV_COLUMNS = (
    *("epoch", "step", "elapsed", "loss", "accuracy", "val_loss", "val_accuracy"),
    *("learning_rate", "images_per_second", "best"),
)


def epochs_csv(events: Sequence[dict]) -> str:
    """A run's epochs as comma-separated values: a line of names, then a line for each epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(event for event in events if event["event"] == "epoch")
    return text.getvalue()


def _is_whole(event: dict) -> bool:
    numbers = [event.get(name) for name in ("elapsed", *NUMBERS.get(event["event"], ()))]
    if not all(isinstance(number, int | float) and 0 <= number < 1e15 for number in numbers):
        return False
    return event["event"] != "fitting" or min(numbers[1:]) >= 1


def _seconds_per_step(reports: Sequence[dict]) -> float | None:
    # The first report is left out: building the network's graph is most of it.
    if len(reports) < 2:
        return None
    first, last = reports[0], reports[-1]
    return (last["elapsed"] - first["elapsed"]) / max(1, last["step"] - first["step"])


def _elapsed(event: dict) -> float:
    return event["elapsed"]
