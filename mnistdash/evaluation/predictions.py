"""What a model makes of every digit of a split: answers and last features, read once and kept with the model."""

import logging
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistdash.data.dataset import Split
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.inference.model import Model
from mnistdash.runs.run import Run
from mnistdash.system.atomic import atomic_path

log = logging.getLogger(__name__)

FOLDER = "analysis"  # inside a run's folder
DIMENSIONS = 64  # of the features that are kept
PART = 1_000  # images at a time


@dataclass(frozen=True)
class PCA:
    """The directions in which a model's features differ most.

    Attributes:
        mean: (k,) float32.
        components: (d, k) float32, orthonormal, those of the largest variance first.
    """

    mean: np.ndarray
    components: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "PCA":
        """The first principal components of (n, k) float32 features; at most DIMENSIONS."""
        mean = features.mean(0)
        _, directions = np.linalg.eigh(np.cov(features - mean, rowvar=False))
        return cls(mean, np.ascontiguousarray(directions.T[::-1][:DIMENSIONS], np.float32))

    def project(self, features: np.ndarray) -> np.ndarray:
        """(n, k) float32 features along these axes, (n, d) float32."""
        return (features - self.mean) @ self.components.T


@dataclass(frozen=True)
class Analysis:
    """What a model makes of a split.

    Attributes:
        result: its answers.
        features: (n, d) float16, its last features along its `Axes`.
    """

    result: Evaluation
    features: np.ndarray


def fit_pca(run: Run, model: Model, data: str, name: str, split: Split) -> PCA:
    """A model's axes, from the run's folder or from the features of a split, and kept there, with the split's analysis.

    Args:
        run: whose model it is.
        model: the same, loaded.
        data, name: of the data set and the split.
        split: to take features from.
    """
    path = _path(run, f"{data}-axes")
    if (kept := _read(path, run)) is not None:
        return PCA(kept["mean"], kept["components"])
    probabilities, features = model.predict_with_features(split.images)
    axes = PCA.of(features)
    _write(path, run, mean=axes.mean, components=axes.components)
    # Or its digits would be read twice.
    _write(_path(run, f"{data}-{name}"), run, probabilities=probabilities, features=_compact(axes, features))
    return axes


def analyze(
    run: Run,
    model: Model,
    axes: PCA,
    data: str,
    name: str,
    split: Split,
    progress: Callable[[float], None] = lambda share: None,
) -> Analysis:
    """A model's analysis of a split, from the run's folder or made now, and kept there.

    Args:
        run: whose model it is.
        model: the same, loaded.
        axes: of its features.
        data, name: of the data set and the split.
        split: the digits.
        progress: called with the share that is done, in [0, 1].
    """
    path = _path(run, f"{data}-{name}")
    if (kept := _read(path, run)) is not None and len(kept["probabilities"]) == len(split):
        return Analysis(Evaluation(split.labels, kept["probabilities"]), kept["features"])
    probabilities, features = [], []
    for start in range(0, len(split), PART):
        answers, seen = model.predict_with_features(split.images[start : start + PART])
        probabilities.append(answers)
        features.append(_compact(axes, seen))
        progress(min(1.0, (start + PART) / len(split)))
    made = Analysis(Evaluation(split.labels, np.concatenate(probabilities)), np.concatenate(features))
    _write(path, run, probabilities=made.result.probabilities, features=made.features)
    return made


def nearest_neighbors(features: np.ndarray, query: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which digits are most like one, by Euclidean distance.

    Args:
        features: (n, d) float, of the digits to choose from.
        query: (d,) float.
        count: how many are wanted.

    Returns:
        (m,) int64 indices, the nearest first, and (m,) float32 distances; m is `count`, or n if that is less.
    """
    distances = np.zeros(len(features), np.float32)
    for start in range(0, len(features), PART):  # in parts: all of them in float32 would be more than all that is kept
        part = slice(start, start + PART)
        distances[part] = np.linalg.norm(features[part].astype(np.float32) - query.astype(np.float32), axis=1)
    count = min(count, len(features))
    chosen = np.argpartition(distances, count - 1)[:count] if count else np.zeros(0, np.int64)
    chosen = chosen[np.lexsort((chosen, distances[chosen]))]
    return chosen, distances[chosen]


def _compact(axes: PCA, features: np.ndarray) -> np.ndarray:
    return axes.project(features).astype(np.float16)


def _path(run: Run, name: str) -> Path:
    return run.folder / FOLDER / f"{name}.npz"


def _read(path: Path, run: Run) -> dict[str, np.ndarray] | None:
    """What was written for this version of the run's model; None where there is nothing of the kind."""
    try:
        with np.load(path, allow_pickle=False) as file:
            kept = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("made again", extra={"reason": type(error).__name__, "where": path.name})
        return None
    return kept if kept.pop("version", None) == run.version else None


def _write(path: Path, run: Run, **arrays: np.ndarray) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_path(path) as temporary:
            np.savez(temporary, version=np.int64(run.version), **arrays)
    except OSError as error:  # what cannot be kept is used all the same
        log.warning("not kept", extra={"reason": error.strerror or type(error).__name__, "where": path.name})
