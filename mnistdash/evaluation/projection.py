"""Two-dimensional maps of a split's features: by PCA, and by t-SNE in a child process.

A map is (n, 2) float32, one row per digit: x to the right, y upwards, both in [-1, 1].
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnistdash.evaluation import cache
from mnistdash.exceptions import RunError
from mnistdash.runs.run import Run
from mnistdash.settings import PROJECT
from mnistdash.system.resources import lower_priority

MAX_POINTS = 10_000  # digits on a map; t-SNE of more takes minutes
ITERATIONS = 750  # more hardly change the map
NICENESS = 19  # pages and training go first

_one_at_a_time = threading.Lock()  # each child takes all cores and 200 MB


def pca_projection(features: np.ndarray) -> np.ndarray:
    """Return the map by the first two principal components.

    Args:
        features: (n, d) float principal components, d >= 2, largest variance first.
    """
    return _scale(features[:, :2].astype(np.float32))


def tsne_projection(features: np.ndarray) -> np.ndarray:
    """Return the map by t-SNE; equal features give equal maps. Print the number of each 50th iteration.

    Source: L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE", 2008. Initialized with the first two
    principal components, which keeps the global structure: D. Kobak, P. Berens, "The art of using t-SNE for
    single-cell transcriptomics", 2019.

    Args:
        features: as for `pca_projection`.
    """
    from sklearn.manifold import TSNE  # slow to import, and large; the server never needs it

    initial = pca_projection(features)
    initial *= 1e-4 / (initial[:, 0].std() or 1)
    tsne = TSNE(init=initial, max_iter=ITERATIONS, random_state=0, n_jobs=-1, verbose=2)
    return _scale(tsne.fit_transform(features.astype(np.float32)))


def is_tsne_map_stored(run: Run, data_name: str, split_name: str) -> bool:
    """Return True if `load_or_compute_tsne_map` would load the map."""
    return cache.load(run, _cache_name(data_name, split_name)) is not None


def load_or_compute_tsne_map(
    run: Run, data_name: str, split_name: str, features: np.ndarray, progress: Callable[[float], None]
) -> np.ndarray:
    """Load the t-SNE map from the run's cache, or compute it in a child process and cache it.

    Args:
        run: the run.
        data_name, split_name: of the features.
        features: as for `pca_projection`.
        progress: called with the finished share in [0, 1]. If it raises, the child ends.

    Raises:
        RunError: the child failed.
    """

    def compute() -> dict[str, np.ndarray]:
        with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "features.npy"), Path(folder, "map.npy")
            np.save(source, features)
            _run_child(source, target, progress)
            return {"map": np.load(target, allow_pickle=False)}

    return cache.load_or_compute(run, _cache_name(data_name, split_name), compute)["map"]


def _cache_name(data_name: str, split_name: str) -> str:
    return f"{data_name}-{split_name}-map"


def command(source: Path, target: Path) -> list[str]:
    """Return the child's command: it writes the map of the features in one .npy file to another.

    It prints the number of each 50th iteration, so it soon fails if nothing reads its output any more.
    """
    return [sys.executable, "-u", "-m", "mnistdash.evaluation.projection", str(source), str(target)]


def _run_child(source: Path, target: Path, progress: Callable[[float], None]) -> None:
    message = ""
    with subprocess.Popen(
        command(source, target),
        cwd=PROJECT,
        env={**os.environ, "OMP_WAIT_POLICY": "passive"},  # waiting threads sleep instead of spinning
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # its priority counts among all processes
    ) as child:
        try:
            for line in child.stdout or ():
                message = line.strip()
                if match := re.search(r"Iteration (\d+)", message):
                    progress(int(match[1]) / ITERATIONS)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        raise RunError(f"The map cannot be computed: {message or f'exit status {child.returncode}'}.")


def main() -> None:
    """Run the child."""
    lower_priority(NICENESS)
    source, target = sys.argv[1:]
    np.save(target, tsne_projection(np.load(source, allow_pickle=False)))


def _scale(points: np.ndarray) -> np.ndarray:
    """Center and scale points to fit into [-1, 1], keeping the aspect ratio."""
    low, high = points.min(0), points.max(0)
    half = (high - low).max() / 2
    return np.asarray(np.clip((points - (low + high) / 2) / (half or 1), -1, 1), np.float32)


if __name__ == "__main__":
    main()
