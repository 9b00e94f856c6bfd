"""What disturbances do to a model: where its reading of one digit flips, and its accuracy against each."""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.evaluation.perturbations import KINDS, Perturbation, PerturbationKind, perturb
from mnistdash.evaluation.predictions import FOLDER
from mnistdash.runs.run import Run
from mnistdash.system.atomic import atomic_write_json

log = logging.getLogger(__name__)

COUNT = 1_000  # digits that curves are measured over, for which a standard error is at most 1.6 %
Reader = Callable[[np.ndarray], np.ndarray]  # (n, 28, 28) uint8 -> (n, 10) float32 probabilities


@dataclass(frozen=True)
class FlipMap:
    """What a model reads in one digit under two kinds of disturbance at once.

    Attributes:
        across, down: the kinds, from left to right and from top to bottom.
        columns, rows: their values.
        digits: (rows, columns) uint8, what was read.
        confidence: (rows, columns) float32 in [0, 1].
    """

    across: PerturbationKind
    down: PerturbationKind
    columns: list[float]
    rows: list[float]
    digits: np.ndarray
    confidence: np.ndarray

    @property
    def neutral(self) -> tuple[int, int]:
        """Row and column that are nearest to neither kind of disturbance."""
        return _nearest(self.rows, self.down.neutral), _nearest(self.columns, self.across.neutral)

    def reach(self, digit: int) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """How far either kind alone may go before something else than `digit` is read.

        Returns:
            The lowest and highest value of `across`, then of `down`, that hold together with all between; None
            where it is not even read without either.
        """
        row, column = self.neutral
        if self.digits[row, column] != digit:
            return None
        return (
            _run_around(self.digits[row] == digit, column, self.columns),
            _run_around(self.digits[:, column] == digit, row, self.rows),
        )


@dataclass(frozen=True)
class RobustnessCurves:
    """A model's accuracy under each kind of disturbance, the others neutral.

    Attributes:
        count: digits that it was measured over.
        levels: by the kind's key, from the lowest to the highest.
        accuracy: by the kind's key, for each level the share read right, in [0, 1].
    """

    count: int
    levels: dict[str, list[float]]
    accuracy: dict[str, list[float]]

    @property
    def undisturbed(self) -> float:
        """Accuracy without disturbance."""
        key = next(iter(KINDS))
        return self.accuracy[key][self.levels[key].index(KINDS[key].neutral)]

    @property
    def weakest(self) -> PerturbationKind:
        """The kind under which the mean accuracy over the levels is lowest."""
        return min(KINDS.values(), key=lambda kind: np.mean(self.accuracy[kind.key]))

    def worst(self, kind: PerturbationKind) -> tuple[float, float]:
        """The level at which a kind does most harm, and the accuracy there."""
        accuracy = self.accuracy[kind.key]
        place = int(np.argmin(accuracy))
        return self.levels[kind.key][place], accuracy[place]

    def to_json(self) -> dict:
        """A JSON object for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict) -> "RobustnessCurves":
        """What `to_json` made.

        Raises:
            ValueError: it is something else.
        """
        try:
            levels, accuracy = ({key: list(values[name][key]) for key in KINDS} for name in ("levels", "accuracy"))
            made = cls(int(values["count"]), levels, accuracy)
            fit = all(
                len(levels[key]) == len(accuracy[key])
                and kind.neutral in levels[key]
                and all(0 <= share <= 1 for share in accuracy[key])
                for key, kind in KINDS.items()
            )
        except (KeyError, TypeError) as error:
            raise ValueError("No curves of robustness.") from error
        if not fit:
            raise ValueError("Curves of robustness that do not hold together.")
        return made


def flip_map(model: Reader, image: np.ndarray, across: str, down: str, base: Perturbation, cells: int = 13) -> FlipMap:
    """Let a model read one digit under two kinds of disturbance at once.

    Args:
        model: what reads.
        image: (28, 28) uint8, 255 = ink.
        across, down: keys of KINDS.
        base: the other kinds' values; those of these two do not matter.
        cells: values of each, over its range.
    """
    columns, rows = (KINDS[key].values(cells) for key in (across, down))
    settings = [replace(base, **{across: x, down: y}) for y in rows for x in columns]
    probabilities = model(perturb(image[None], settings))
    shape = len(rows), len(columns)
    return FlipMap(
        KINDS[across],
        KINDS[down],
        columns,
        rows,
        probabilities.argmax(1).astype(np.uint8).reshape(shape),
        probabilities.max(1).reshape(shape),
    )


def robustness_curves(
    model: Reader, split: Split, count: int = COUNT, progress: Callable[[int, int], None] | None = None
) -> RobustnessCurves:
    """Measure a model's accuracy over the first digits of a split under each kind of disturbance.

    Args:
        model: what reads.
        split: the digits.
        count: how many of them, at most.
        progress: called with (levels done, levels in all), the neutral one counted once.
    """
    images, labels = split.images[:count], split.labels[:count]
    levels = {key: kind.levels for key, kind in KINDS.items()}
    settings = list(dict.fromkeys(Perturbation(**{key: level}) for key, values in levels.items() for level in values))
    measured: dict[Perturbation, float] = {}
    for setting in settings:
        measured[setting] = float((model(perturb(images, setting)).argmax(1) == labels).mean())
        if progress is not None:
            progress(len(measured), len(settings))
    accuracy = {key: [measured[Perturbation(**{key: level})] for level in values] for key, values in levels.items()}
    return RobustnessCurves(len(labels), levels, accuracy)


def stored(run: Run, data_name: str, split: str) -> RobustnessCurves | None:
    """The curves kept with a run's model for a split; None where there are none, or those of another version."""
    path = _path(run, data_name, split)
    try:
        values = json.loads(path.read_text())
        return RobustnessCurves.from_json(values["curves"]) if values["version"] == run.version else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("made again", extra={"reason": type(error).__name__, "where": path.name})
        return None


def measure(
    run: Run, model: Reader, data_name: str, split: str, digits: Split, progress: Callable[[int, int], None]
) -> RobustnessCurves:
    """A model's curves for a split, from the run's folder or made now, and kept there.

    Args:
        run: whose model it is.
        model: the same, loaded.
        data_name, split: of the data set and the split.
        digits: the split itself.
        progress: as for `curves`.
    """
    version = run.version
    if (kept := stored(run, data_name, split)) is not None:
        return kept
    made = robustness_curves(model, digits, progress=progress)
    path = _path(run, data_name, split)
    try:
        path.parent.mkdir(exist_ok=True)
        atomic_write_json(path, {"version": version, "curves": made.to_json()})
    except OSError as error:  # what cannot be kept is used all the same
        log.warning("not kept", extra={"reason": error.strerror or type(error).__name__, "where": path.name})
    return made


def _path(run: Run, data_name: str, split: str) -> Path:
    return run.folder / FOLDER / f"{data_name}-{split}-robustness.json"


def _nearest(values: Iterable[float], wanted: float) -> int:
    return int(np.argmin(np.abs(np.array(list(values)) - wanted)))


def _run_around(holds: np.ndarray, place: int, values: list[float]) -> tuple[float, float]:
    """The first and last value of the unbroken run of true entries around a place."""
    low = high = place
    while low > 0 and holds[low - 1]:
        low -= 1
    while high < len(values) - 1 and holds[high + 1]:
        high += 1
    return values[low], values[high]
