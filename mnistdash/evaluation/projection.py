"""A split's features as a map in two dimensions, made once by a process of its own.

A map has one row for each digit, (n, 2) float32: x to the right and y upwards, both in [-1, 1].
"""

import io
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from mnistdash.evaluation.predictions import FOLDER
from mnistdash.runs.run import Run
from mnistdash.settings import PROJECT
from mnistdash.system.atomic import atomic_path
from mnistdash.system.resources import lower_priority

log = logging.getLogger(__name__)

MOST = 10_000  # digits on a map; t-SNE of more takes minutes
PERPLEXITY = 30  # about how many neighbours a digit is to keep
ITERATIONS = 750  # after which the map hardly changes any more
LINES = 5  # of a failed child's last words


def perplexity(count: int) -> float:
    """PERPLEXITY, or less for fewer than about 90 digits: at least three times as many are needed."""
    return min(float(PERPLEXITY), max(1.0, (count - 1) / 3))


def pca_projection(features: np.ndarray) -> np.ndarray:
    """The map by principal components.

    Args:
        features: (n, d) float, d >= 2, principal components in the order of their variance.
    """
    return _scaled(features[:, :2].astype(np.float32))


def tsne_projection(features: np.ndarray, report: Callable[[float], None] = lambda share: None) -> np.ndarray:
    """The map by t-SNE, which keeps near what is near; the same features give the same map.

    Source: L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE", 2008. It starts from the first two
    principal components, which keeps the large shape: D. Kobak, P. Berens, "The art of using t-SNE for
    single-cell transcriptomics", 2019.

    Args:
        features: as for `flat`.
        report: called with the share that is done, in [0, 1].
    """
    from sklearn.manifold import TSNE  # slow to import, and large; the server does not need it

    start = pca_projection(features)
    start *= 1e-4 / (start[:, 0].std() or 1)
    method = TSNE(
        perplexity=perplexity(len(features)),
        init=start,
        max_iter=ITERATIONS,
        random_state=0,
        n_jobs=-1,
        verbose=2,
    )
    with redirect_stdout(_Reports(report)):
        return _scaled(method.fit_transform(features.astype(np.float32)))


def stored(run: Run, data: str, split: str) -> np.ndarray | None:
    """The map by t-SNE that is kept with a model; None where there is none of this version of it.

    Args:
        run: whose model it is.
        data, split: names of the data set and the split.
    """
    try:
        with np.load(_path(run, data, split), allow_pickle=False) as file:
            version, points = int(file["version"]), file["map"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    return points if version == run.version else None


class ProjectionTask:
    """Makes the map by t-SNE in a process of its own, while any number of pages watch.

    A map that is kept with the model is there at once.

    Attributes:
        progress: the share that is done, in [0, 1].
        error: why there is no map, in a sentence or two; "" while all is well.
    """

    _turn = threading.Lock()  # two at the same time would each take twice as long

    def __init__(self, run: Run, data: str, split: str, features: np.ndarray):
        self.progress = 0.0
        self.error = ""
        self._done = threading.Event()
        self._points = stored(run, data, split)
        if self._points is not None and len(self._points) == len(features):
            self._done.set()
        else:
            self._points = None
            threading.Thread(target=self._work, args=(run, data, split, features), daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait at most this long; tell whether it is done, well or not."""
        return self._done.wait(seconds)

    def result(self) -> np.ndarray | None:
        """The map, or None where it failed. Waits if need be."""
        self._done.wait()
        return self._points

    def _work(self, run: Run, data: str, split: str, features: np.ndarray) -> None:
        try:
            with self._turn, tempfile.TemporaryDirectory() as folder:
                self._points = self._make(Path(folder), features)
        except (OSError, ValueError) as error:
            self.error = f"The map could not be made: {error}."
        else:
            _keep(_path(run, data, split), run.version, self._points)
        finally:
            self._done.set()

    def _make(self, folder: Path, features: np.ndarray) -> np.ndarray:
        source, target = folder / "features.npy", folder / "map.npy"
        np.save(source, features)
        last_words = deque(maxlen=LINES)
        with subprocess.Popen(
            command(source, target),
            cwd=PROJECT,
            # A thread that waits for others leaves its core to whatever else has work, and does not turn in circles.
            env={**os.environ, "OMP_WAIT_POLICY": "passive"},
            stdin=subprocess.PIPE,  # its end tells the child to stop, whatever happens to this process
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C in the server's terminal must reach the child through its input only.
            start_new_session=True,
        ) as child:
            for line in child.stdout:
                try:
                    self.progress = float(line)
                except ValueError:
                    last_words.append(line.strip())
        if child.returncode:
            raise ValueError(" ".join(last_words) or f"its process ended with {child.returncode}")
        return np.load(target, allow_pickle=False)


def command(source: Path, target: Path) -> list[str]:
    """How to run the child: it writes the map of the features in one .npy file to another.

    What it prints is the share that is done, a line for each. It ends when its standard input does.
    """
    return [sys.executable, "-m", "mnistdash.evaluation.projection", str(source), str(target)]


def main() -> None:
    """The child's part."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    lower_priority(19)  # the pages come first, and what trains
    source, target = sys.argv[1:]
    output = sys.stdout
    points = tsne_projection(
        np.load(source, allow_pickle=False), lambda share: print(f"{share:.3f}", file=output, flush=True)
    )
    np.save(target, points)


class _Reports(io.TextIOBase):
    """Takes what scikit-learn prints while it works, and reports the share that is done."""

    def __init__(self, report: Callable[[float], None]):
        self._report = report

    def write(self, text: str) -> int:
        if found := re.search(r"Iteration (\d+)", text):
            self._report(int(found[1]) / ITERATIONS)
        return len(text)


def _scaled(points: np.ndarray) -> np.ndarray:
    """Points moved and scaled so that they just fit into [-1, 1] both ways, at the same scale."""
    low, high = points.min(0), points.max(0)
    half = (high - low).max() / 2
    return np.clip((points - (low + high) / 2) / (half or 1), -1, 1).astype(np.float32)


def _path(run: Run, data: str, split: str) -> Path:
    return run.folder / FOLDER / f"{data}-{split}-map.npz"


def _keep(path: Path, version: int, points: np.ndarray) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_path(path) as temporary:
            np.savez(temporary, version=np.int64(version), map=points)
    except OSError as error:  # what cannot be kept is used all the same
        log.warning("not kept", extra={"reason": error.strerror or type(error).__name__, "where": path.name})


def _end_with_input() -> None:
    # Not by sys.stdin: a thread that waits in it would hold a lock that Python wants at its end.
    while os.read(0, 1_024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
