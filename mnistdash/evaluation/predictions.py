"""A model's predictions and penultimate-layer features over a split, computed once and cached with the run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mnistdash.data.dataset import Dataset
from mnistdash.evaluation import cache
from mnistdash.evaluation.metrics import Evaluation
from mnistdash.inference.model import Model
from mnistdash.runs.run import Run

MAX_COMPONENTS = 64
CHUNK = 1_000  # images per progress report


@dataclass(frozen=True)
class PCA:
    """Principal components of a model's features.

    Attributes:
        mean: (k,) float32.
        components: (d, k) float32, orthonormal, largest variance first.
    """

    mean: np.ndarray
    components: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray) -> "PCA":
        """Return the first principal components, at most MAX_COMPONENTS, of (n, k) float32 features."""
        mean = features.mean(0)
        _, directions = np.linalg.eigh(np.cov(features - mean, rowvar=False))
        return cls(mean, np.ascontiguousarray(directions.T[::-1][:MAX_COMPONENTS], np.float32))

    def project(self, features: np.ndarray) -> np.ndarray:
        """Project (n, k) float32 features to (n, d) float32."""
        return np.asarray((features - self.mean) @ self.components.T)


@dataclass(frozen=True)
class SplitPredictions:
    """A model's predictions and features over a split.

    Attributes:
        result: labels and probabilities.
        features: (n, d) float16, projected by `pca`.
        pca: fitted to the features of the validation split.
    """

    result: Evaluation
    features: np.ndarray
    pca: PCA


def predict_split(
    run: Run, model: Model, data: Dataset, split_name: str, progress: Callable[[float], None] = lambda share: None
) -> SplitPredictions:
    """Load the predictions for a split from the run's cache, or compute and cache them.

    Args:
        run: the run.
        model: its loaded network.
        data: the data set.
        split_name: "train", "validation" or "test".
        progress: called with the finished share in [0, 1].
    """
    split = data.split(split_name)

    def fit_pca() -> dict[str, np.ndarray]:
        # To the validation split, which no model was fitted to.
        chunks = _predict_chunks(model, data.validation.images, lambda share: progress(0.0))
        return vars(PCA.fit(np.concatenate([features for _, features in chunks])))

    def predict() -> dict[str, np.ndarray]:
        chunks = [
            (probabilities, pca.project(features).astype(np.float16))
            for probabilities, features in _predict_chunks(model, split.images, progress)
        ]
        probabilities, features = (np.concatenate(arrays) for arrays in zip(*chunks, strict=True))
        return {"probabilities": probabilities, "features": features}

    pca = PCA(**cache.load_or_compute(run, f"{data.name}-pca", fit_pca))
    found = cache.load_or_compute(run, f"{data.name}-{split_name}", predict)
    return SplitPredictions(Evaluation(split.labels, found["probabilities"]), found["features"], pca)


def nearest_neighbors(features: np.ndarray, query: np.ndarray, count: int) -> np.ndarray:
    """Find the rows of `features` nearest to a query by Euclidean distance.

    Args:
        features: (n, d) float.
        query: (d,) float.
        count: number of neighbors.

    Returns:
        (min(count, n),) int64 indices, nearest first.
    """
    distances = np.linalg.norm(features.astype(np.float32) - query.astype(np.float32), axis=1)
    return np.argsort(distances, kind="stable")[:count]


def _predict_chunks(
    model: Model, images: np.ndarray, progress: Callable[[float], None]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    progress(0.0)
    for start in range(0, len(images), CHUNK):
        yield model.predict_with_features(images[start : start + CHUNK])
        progress(min(1.0, (start + CHUNK) / len(images)))
