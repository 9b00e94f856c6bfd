import gzip
import logging
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import idx_files
import numpy as np
import pytest

from mnistdash import exceptions
from mnistdash.data import download as data_download
from mnistdash.data import mnist as data_mnist
from mnistdash.data.sample import load_mnist_or_sample
from mnistdash.exceptions import DataFileError
from mnistdash.settings import Settings


@pytest.fixture
def files(monkeypatch) -> dict[str, bytes]:
    """Replace MNIST by four small files with 25 training, 5 validation and 10 test digits."""
    files = idx_files.contents()
    monkeypatch.setattr(data_mnist, "FILES", idx_files.hashes(files))
    monkeypatch.setattr(data_mnist, "VALIDATION_IMAGES", 5)
    return files


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data=tmp_path / "data", cache=tmp_path / "cache", models=tmp_path / "models")


@pytest.fixture
def downloads(monkeypatch, files) -> list[str]:
    """Replace downloads by copies, and return the list of downloaded names."""
    names = []

    def download(wanted, cache, progress):
        names.extend(wanted)
        idx_files.write(cache, {name: files[name] for name in wanted})

    monkeypatch.setattr(data_download, "download_files", download)
    return names


@pytest.mark.parametrize("gzipped", [True, False])
def test_user_folder_comes_first(settings, files, downloads, gzipped):
    idx_files.write(settings.data, files, gzipped)
    data = data_mnist.load_mnist(settings)
    assert data.source == str(settings.data)
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [25, 5, 10]
    assert not downloads


def test_validation_split_is_the_first_part_of_the_training_file(settings, files):
    idx_files.write(settings.data, files)
    data = data_mnist.load_mnist(settings)
    assert data.validation.labels.tolist() == [0, 1, 2, 3, 4]
    assert data.train.labels[:6].tolist() == [5, 6, 7, 8, 9, 0]
    whole = np.frombuffer(files["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(30, 28, 28)
    assert np.array_equal(np.concatenate([data.validation.images, data.train.images]), whole)


def test_names_with_a_dot_before_idx_are_found(settings, files, downloads):
    idx_files.write(settings.data, {name.replace("-idx", ".idx"): data for name, data in files.items()})
    assert data_mnist.load_mnist(settings).source == str(settings.data)


def test_incomplete_user_folder_is_skipped_with_a_warning(settings, files, downloads, caplog):
    idx_files.write(settings.data, files)
    (settings.data / "t10k-labels-idx1-ubyte.gz").unlink()
    idx_files.write(settings.cache, files)
    with caplog.at_level(logging.WARNING):
        assert data_mnist.load_mnist(settings).source == str(settings.cache)
    assert "MNISTDASH_DATA" in caplog.text
    assert not downloads


def test_damaged_user_file_is_reported_and_kept(settings, files, downloads):
    idx_files.write(settings.data, files)
    path = settings.data / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(files["t10k-images-idx3-ubyte"][:-7]))
    with pytest.raises(DataFileError, match=r"t10k-images-idx3-ubyte.gz: expected SHA-256 .* of 7,849 bytes"):
        data_mnist.load_mnist(settings)
    assert path.exists()
    assert not downloads


def test_file_that_is_still_damaged_after_a_download_is_an_error(settings, files, monkeypatch):
    idx_files.write(settings.cache, files)
    damaged = settings.cache / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(b"damaged")
    monkeypatch.setattr(data_download, "download_files", lambda *_: damaged.write_bytes(b"damaged again"))
    with pytest.raises(DataFileError, match="t10k-labels"):
        data_mnist.load_mnist(settings)


def test_sample_replaces_mnist_and_gives_the_reason(settings, files, monkeypatch):
    def fail(*_):
        raise exceptions.DataUnavailableError("no network")

    monkeypatch.setattr(data_download, "download_files", fail)
    data, why = load_mnist_or_sample(settings)
    assert data.name == "sample"
    assert str(why) == "no network"


def test_strict_loading_raises_for_a_damaged_user_file(settings, files):
    idx_files.write(settings.data, files)
    (settings.data / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(DataFileError):
        load_mnist_or_sample(settings, strict=True)
    data, why = load_mnist_or_sample(settings)
    assert data.name == "sample"
    assert "train-labels-idx1-ubyte.gz" in str(why)


def test_sample_has_mnists_format(sample):
    assert [len(sample.split(name)) for name in ("train", "validation", "test")] == [1297, 200, 300]
    images = sample.train.images
    assert images.shape[1:] == (28, 28)
    assert images.dtype == np.uint8
    assert not images.flags.writeable
    assert set(sample.test.labels) == set(range(10))
    rows, columns = images.any(2), images.any(1)
    assert rows.sum(1).max() <= 20
    assert columns.sum(1).max() <= 20


@pytest.mark.slow
def test_mnist_is_split_as_published(mnist):
    assert [len(mnist.split(name)) for name in ("train", "validation", "test")] == [55_000, 5_000, 10_000]
    assert mnist.train.images.dtype == np.uint8
    assert not mnist.train.images.flags.writeable
    # The published labels start with 5, 0, 4, 1, 9 (training) and 7, 2, 1, 0, 4 (test).
    assert mnist.validation.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_mnist_is_downloaded_once_over_http(settings, files, tmp_path, monkeypatch):
    """Load it twice with an empty cache and an HTTP server."""
    served = tmp_path / "served"
    idx_files.write(served, files)
    requests = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=served)

        def do_GET(self):
            requests.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(data_download, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
    try:
        first = data_mnist.load_mnist(settings)
        second = data_mnist.load_mnist(settings)
    finally:
        server.shutdown()
    assert len(requests) == 4
    assert np.array_equal(first.test.images, second.test.images)
    assert sorted(path.name for path in settings.cache.iterdir()) == sorted(f"{name}.gz" for name in files)
    shutil.rmtree(settings.cache)
