"""How perturbations change a model's predictions: of one digit, and its accuracy over many."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from scipy import ndimage

from mnistdash.data.dataset import Dataset, Split
from mnistdash.evaluation import cache
from mnistdash.evaluation.perturbations import KINDS, Perturbation, PerturbationKind, perturb
from mnistdash.runs.run import Run

MAX_DIGITS = 1_000  # digits that curves are measured over; the standard error is at most 1.6 %
Predictor = Callable[[np.ndarray], np.ndarray]  # (n, 28, 28) uint8 -> (n, 10) float32 probabilities
Curves = dict[str, np.ndarray]  # by a kind's key, the accuracy in [0, 1] at each of its levels


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
        """Row and column without perturbation."""
        return self.rows.index(self.down.neutral), self.columns.index(self.across.neutral)

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


def robustness_curves(model: Predictor, split: Split, progress: Callable[[float], None]) -> Curves:
    """Measure a model's accuracy over the first MAX_DIGITS digits of a split under each kind of perturbation.

    Args:
        model: the predictor.
        split: the digits.
        progress: called with the finished share in [0, 1].
    """
    images, labels = split.images[:MAX_DIGITS], split.labels[:MAX_DIGITS]
    levels = {key: [Perturbation(**{key: level}) for level in kind.levels] for key, kind in KINDS.items()}
    # The neutral perturbation is a level of every kind; measure it once.
    accuracy = dict.fromkeys(chain.from_iterable(levels.values()), 0.0)
    for number, perturbation in enumerate(accuracy):
        progress(number / len(accuracy))
        accuracy[perturbation] = float((model(perturb(images, perturbation)).argmax(1) == labels).mean())
    progress(1.0)
    return {key: np.array([accuracy[level] for level in series]) for key, series in levels.items()}


def load_or_measure_curves(
    run: Run, model: Predictor, data: Dataset, split_name: str, progress: Callable[[float], None]
) -> Curves:
    """Load a model's curves for a split from the run's cache, or measure and cache them.

    Args:
        run: the run.
        model: its loaded network.
        data: the data set.
        split_name: "train", "validation" or "test".
        progress: called with the finished share in [0, 1].
    """
    name, split = f"{data.name}-{split_name}-robustness", data.split(split_name)
    return cache.load_or_compute(run, name, lambda: robustness_curves(model, split, progress))


def _range_around(holds: np.ndarray, index: int, values: list[float]) -> tuple[float, float]:
    """Return the first and last value of the unbroken series of true entries around an index."""
    series, _ = ndimage.label(holds)
    places = np.flatnonzero(series == series[index])
    return values[places[0]], values[places[-1]]
