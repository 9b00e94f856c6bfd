import subprocess

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mnistdash.evaluation import cache, projection
from mnistdash.evaluation.projection import is_tsne_map_stored, load_or_compute_tsne_map
from mnistdash.exceptions import RunError
from mnistdash.settings import PROJECT


@pytest.fixture
def features() -> np.ndarray:
    """Return three well-separated clusters of 20 digits, (60, 8) float16."""
    noise = np.random.default_rng(0).normal(0, 0.2, (60, 8))
    noise[:, :2] += np.repeat([(0, 0), (6, 0), (0, 4)], 20, axis=0)
    return noise.astype(np.float16)


@pytest.fixture
def child(monkeypatch):
    """Return a function that replaces the child process by a script with the same arguments: child("print(0.5)")."""

    def replace(script: str) -> None:
        monkeypatch.setattr(
            projection,
            "command",
            lambda source, target: [projection.sys.executable, "-c", script, str(source), str(target)],
        )

    return replace


def test_the_pca_map_is_the_first_two_components_at_one_scale(features):
    points = projection.pca_projection(features)
    assert points.dtype == np.float32
    assert points.shape == (60, 2)
    assert (points[:, 0].min(), points[:, 0].max()) == pytest.approx((-1, 1))
    spans, expected = np.ptp(points, axis=0), np.ptp(features[:, :2].astype(float), axis=0)
    assert spans[1] / spans[0] == pytest.approx(expected[1] / expected[0], rel=1e-5)


@pytest.fixture
def one_thread():
    """Limit OpenMP to one thread, because two mostly wait for each other on a busy machine."""
    import sklearn.manifold  # noqa: F401  loads OpenMP

    with threadpool_limits(1):
        yield


@pytest.mark.slow
def test_tsne_keeps_clusters_together_and_is_deterministic(features, one_thread):
    points = projection.tsne_projection(features)
    np.testing.assert_array_equal(points, projection.tsne_projection(features))
    assert points.dtype == np.float32
    assert np.abs(points).max() == 1
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(distances.argmin(1) // 20, np.arange(60) // 20)


@pytest.mark.slow
def test_identical_digits_have_a_finite_map(one_thread):
    assert np.isfinite(projection.tsne_projection(np.ones((40, 3), np.float16))).all()


@pytest.mark.slow
def test_the_child_process_computes_the_same_map(flagship, features, child, one_thread):
    """Use normal priority, because the lowest takes minutes on a busy machine."""
    child("from mnistdash.evaluation import projection; projection.NICENESS = 0; projection.main()")
    shares = []
    points = load_or_compute_tsne_map(flagship, "sample", "test", features, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    np.testing.assert_allclose(points, projection.tsne_projection(features), atol=1e-4)


def test_a_map_is_cached_for_its_data_and_split(flagship, features, child):
    child("import sys, numpy; numpy.save(sys.argv[2], numpy.load(sys.argv[1])[:, :2])")
    points = load_or_compute_tsne_map(flagship, "sample", "test", features, lambda share: None)
    child("raise ValueError('computed again')")
    again = load_or_compute_tsne_map(flagship, "sample", "test", features, lambda share: None)
    np.testing.assert_array_equal(again, points)
    assert is_tsne_map_stored(flagship, "sample", "test")
    assert not is_tsne_map_stored(flagship, "sample", "train")
    assert not is_tsne_map_stored(flagship, "mnist", "test")


def test_progress_counts_the_iterations_that_the_child_prints(flagship, features, child):
    child(
        "import sys, shutil; print('[t-SNE] Iteration 75: error = 1'); print('a warning'); "
        "print('[t-SNE] Iteration 750: error = 1'); shutil.copy(*sys.argv[1:])"
    )
    shares = []
    load_or_compute_tsne_map(flagship, "sample", "test", features, shares.append)
    assert shares == [0.1, 1]


def test_a_failed_child_raises_its_last_line(flagship, features, child):
    child("raise ValueError('Input X contains NaN.')")
    with pytest.raises(RunError, match=r"cannot be computed: ValueError: Input X contains NaN\."):
        load_or_compute_tsne_map(flagship, "sample", "test", features, lambda share: None)
    assert not is_tsne_map_stored(flagship, "sample", "test")
    child("import os; os._exit(9)")
    with pytest.raises(RunError, match="exit status 9"):
        load_or_compute_tsne_map(flagship, "sample", "test", features, lambda share: None)


def test_a_map_that_cannot_be_cached_is_returned(flagship, features, child):
    (flagship.folder / cache.FOLDER).write_text("in the way of the folder")
    child("import sys, shutil; shutil.copy(*sys.argv[1:])")
    assert load_or_compute_tsne_map(flagship, "sample", "test", features, lambda share: None).shape == (60, 8)


def test_canceling_ends_the_child(flagship, features, child):
    child("import time; print('Iteration 50', flush=True); time.sleep(600)")

    def cancel(share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        load_or_compute_tsne_map(flagship, "sample", "test", features, cancel)


@pytest.mark.slow
def test_the_child_ends_when_nothing_reads_its_output(tmp_path, environment):
    """The child must not outlive the server for long, even after a crash."""
    features = np.random.default_rng(0).normal(size=(3_000, 8)).astype(np.float16)
    np.save(tmp_path / "features.npy", features)
    child = subprocess.Popen(
        projection.command(tmp_path / "features.npy", tmp_path / "map.npy"),
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    child.stdout.close()
    assert child.wait(60) == 1
    assert not (tmp_path / "map.npy").exists()
