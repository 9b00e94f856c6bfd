import subprocess

import numpy as np
import pytest

from mnistdash.evaluation import projection
from mnistdash.evaluation.projection import ProjectionTask
from mnistdash.settings import PROJECT


@pytest.fixture
def features() -> np.ndarray:
    """Three well-separated heaps of 20 digits, (60, 8) float16."""
    noise = np.random.default_rng(0).normal(0, 0.2, (60, 8))
    noise[:, :2] += np.repeat([(0, 0), (6, 0), (0, 4)], 20, axis=0)
    return noise.astype(np.float16)


@pytest.mark.parametrize(("count", "expected"), [(2, 1), (10, 3), (60, 59 / 3), (91, 30), (10_000, 30)])
def test_few_digits_have_few_neighbours(count, expected):
    assert projection.perplexity(count) == pytest.approx(expected)


def test_the_flat_map_is_the_first_two_components_at_one_scale(features):
    points = projection.pca_projection(features)
    assert points.dtype == np.float32
    assert points.shape == (60, 2)
    assert (points[:, 0].min(), points[:, 0].max()) == pytest.approx((-1, 1))
    spans, wanted = np.ptp(points, axis=0), np.ptp(features[:, :2].astype(float), axis=0)
    assert spans[1] / spans[0] == pytest.approx(wanted[1] / wanted[0], rel=1e-5)


def test_tsne_keeps_heaps_together_and_gives_the_same_map_twice(features):
    shares = []
    points = projection.tsne_projection(features, shares.append)
    np.testing.assert_array_equal(points, projection.tsne_projection(features))
    assert points.dtype == np.float32
    assert np.abs(points).max() == 1
    assert shares == sorted(shares)
    assert shares[-1] == 1
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(distances.argmin(1) // 20, np.arange(60) // 20)


def test_digits_that_are_all_alike_have_a_map():
    points = projection.tsne_projection(np.ones((10, 3), np.float16))
    assert np.isfinite(points).all()


def test_a_map_is_made_once_and_kept_with_the_model(flagship, features, monkeypatch):
    made = ProjectionTask(flagship, "sample", "test", features)
    points = made.result()
    assert (made.error, made.progress) == ("", 1)
    assert points.shape == (60, 2)
    np.testing.assert_array_equal(projection.stored(flagship, "sample", "test"), points)
    assert projection.stored(flagship, "mnist", "test") is None

    def popen(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", popen)
    again = ProjectionTask(flagship, "sample", "test", features)
    assert again.wait(0)
    np.testing.assert_array_equal(again.result(), points)


def test_a_map_that_is_damaged_or_of_another_version_is_not_used(flagship):
    path = flagship.folder / "analysis" / "mnist-test-map.npz"
    path.parent.mkdir()
    points = np.zeros((5, 2), np.float32)
    np.savez(path, version=np.int64(flagship.version), map=points)
    assert projection.stored(flagship, "mnist", "test") is not None
    whole = path.read_bytes()
    for content in (b"", b"no map", whole[:-30]):
        path.write_bytes(content)
        assert projection.stored(flagship, "mnist", "test") is None
    np.savez(path, version=np.int64(flagship.version + 1), map=points)
    assert projection.stored(flagship, "mnist", "test") is None
    np.savez(path, version=np.array([{}]), map=points)  # pickled
    assert projection.stored(flagship, "mnist", "test") is None


def test_a_map_that_cannot_be_kept_is_there_all_the_same(flagship, features):
    (flagship.folder / "analysis").write_text("in the way of the folder")
    made = ProjectionTask(flagship, "sample", "test", features)
    assert made.result().shape == (60, 2)
    assert not made.error


def test_a_map_that_fails_says_why(flagship):
    made = ProjectionTask(flagship, "sample", "test", np.full((60, 8), np.nan, np.float16))
    assert made.result() is None
    assert "NaN" in made.error


def test_the_child_ends_with_its_input(tmp_path, environment):
    """So that it does not outlive the server, however that ends."""
    features = np.random.default_rng(0).normal(size=(20_000, 32)).astype(np.float16)
    np.save(tmp_path / "features.npy", features)
    child = subprocess.Popen(
        projection.command(tmp_path / "features.npy", tmp_path / "map.npy"),
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    child.stdin.close()
    assert child.wait(60) == 1
    assert not (tmp_path / "map.npy").exists()
