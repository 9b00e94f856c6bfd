"""How perturbations change a model's predictions: of one digit, and its accuracy over many."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from mnistdash.data.dataset import Dataset, Split
from mnistdash.evaluation import cache
from mnistdash.evaluation.perturbations import KINDS, Perturbation, PerturbationKind, perturb
from mnistdash.runs.run import Run

MAX_DIGITS = 1_000  # digits that curves are measured over; the standard error is at most 1.6 %
Predictor = Callable[[np.ndarray], np.ndarray]  # (n, 28, 28) uint8 -> (n, 10) float32 probabilities


@dataclass(frozen=True)
class FlipMap:
    """A model's predictions for one digit under two kinds of perturbation at once.

    Attributes:
        across, down: the kinds, from left to right and from top to bottom.
        columns, rows: their values.
        digits: (rows, columns) uint8 predictions.
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
        """Row and column nearest to no perturbation."""
        return _nearest(self.rows, self.down.neutral), _nearest(self.columns, self.across.neutral)

    def reach(self, digit: int) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Return how far each kind alone can go before the prediction changes.

        Returns:
            The lowest and highest value of `across`, then of `down`, up to which every prediction is `digit`;
            None if the unperturbed prediction is another digit.
        """
        row, column = self.neutral
        if self.digits[row, column] != digit:
            return None
        return (
            _range_around(self.digits[row] == digit, column, self.columns),
            _range_around(self.digits[:, column] == digit, row, self.rows),
        )


@dataclass(frozen=True)
class RobustnessCurves:
    """A model's accuracy under each kind of perturbation, the others neutral.

    Attributes:
        count: number of digits it was measured over.
        accuracy: by the kind's key, an accuracy in [0, 1] for each of its levels.
    """

    count: int
    accuracy: dict[str, list[float]]

    @property
    def clean_accuracy(self) -> float:
        """Accuracy without perturbation."""
        kind = next(iter(KINDS.values()))
        return self.accuracy[kind.key][kind.levels.index(kind.neutral)]

    @property
    def weakest(self) -> PerturbationKind:
        """The kind with the lowest mean accuracy over its levels."""
        return min(KINDS.values(), key=lambda kind: float(np.mean(self.accuracy[kind.key])))

    def worst(self, kind: PerturbationKind) -> tuple[float, float]:
        """Return the level of a kind with the lowest accuracy, and that accuracy."""
        accuracy = self.accuracy[kind.key]
        index = int(np.argmin(accuracy))
        return kind.levels[index], accuracy[index]


def flip_map(
    model: Predictor, image: np.ndarray, across: str, down: str, base: Perturbation, cells: int = 13
) -> FlipMap:
    """Predict one digit under two kinds of perturbation at once.

    Args:
        model: the predictor.
        image: (28, 28) uint8, 255 = ink.
        across, down: keys of KINDS.
        base: values of the other kinds; its values of these two are ignored.
        cells: number of values along each axis.
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
    model: Predictor, split: Split, count: int = MAX_DIGITS, progress: Callable[[float], None] = lambda share: None
) -> RobustnessCurves:
    """Measure a model's accuracy over the first digits of a split under each kind of perturbation.

    Args:
        model: the predictor.
        split: the digits.
        count: maximum number of digits.
        progress: called with the finished share in [0, 1].
    """
    images, labels = split.images[:count], split.labels[:count]
    levels = [(kind.key, level) for kind in KINDS.values() for level in kind.levels]
    # The neutral perturbation is a level of every kind; measure it once.
    accuracy = dict.fromkeys((Perturbation(**{key: level}) for key, level in levels), 0.0)
    for number, perturbation in enumerate(accuracy):
        progress(number / len(accuracy))
        accuracy[perturbation] = float((model(perturb(images, perturbation)).argmax(1) == labels).mean())
    progress(1.0)
    return RobustnessCurves(
        len(labels),
        {key: [accuracy[Perturbation(**{key: level})] for level in kind.levels] for key, kind in KINDS.items()},
    )


def load_or_measure_curves(
    run: Run, model: Predictor, data: Dataset, split_name: str, progress: Callable[[float], None]
) -> RobustnessCurves:
    """Load a model's curves for a split from the run's cache, or measure and cache them.

    Args:
        run: the run.
        model: its loaded network.
        data: the data set.
        split_name: "train", "validation" or "test".
        progress: called with the finished share in [0, 1].
    """
    name = f"{data.name}-{split_name}-robustness"
    if (cached := cache.load(run, name)) is not None:
        count = int(cached.pop("count"))
        return RobustnessCurves(count, {key: values.tolist() for key, values in cached.items()})
    curves = robustness_curves(model, data.split(split_name), progress=progress)
    cache.save(run, name, count=curves.count, **curves.accuracy)
    return curves


def _nearest(values: Iterable[float], target: float) -> int:
    return int(np.argmin(np.abs(np.array(list(values)) - target)))


def _range_around(holds: np.ndarray, index: int, values: list[float]) -> tuple[float, float]:
    """Return the first and last value of the unbroken series of true entries around an index."""
    low = high = index
    while low > 0 and holds[low - 1]:
        low -= 1
    while high < len(values) - 1 and holds[high + 1]:
        high += 1
    return values[low], values[high]
