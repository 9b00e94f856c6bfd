"""Zips of runs: packing, restoring, and validation of untrusted content."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnistdash.cli.main import main
from mnistdash.exceptions import ArchiveError
from mnistdash.runs import archive, snapshots, store
from mnistdash.runs.archive import pack_run, read_archive, unpack_run
from mnistdash.runs.weights import load_weights
from mnistdash.settings import PROJECT

WEIGHTS = np.ones((784, 10), np.float32)


def npz(*arrays: np.ndarray, **named: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{str(number): array for number, array in enumerate(arrays)}, **named)
    return file.getvalue()


@pytest.fixture
def packed(old_run) -> bytes:
    return pack_run(old_run)


def changed(packed: bytes, files: dict[str, bytes | None]) -> io.BytesIO:
    """Return the zip with some files replaced, added or, if None, omitted."""
    with zipfile.ZipFile(io.BytesIO(packed)) as source:
        content = {name: source.read(name) for name in source.namelist()} | files
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in content.items():
            if data is not None:
                target.writestr(name, data)
    return out


def test_a_packed_run_is_unpacked_without_model_and_card(old_run, packed, tmp_path):
    content = read_archive(io.BytesIO(packed))
    assert content.config == old_run.config
    assert content.card == old_run.card
    folder = tmp_path / "new"
    folder.mkdir()
    assert unpack_run(content, "another", folder).name == "another"
    assert store.load_run(folder).card is None
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    epochs = {"epochs/0001.npz", "epochs/0002.npz"}
    assert files == {"config.json", "events.jsonl", "weights.npz", "marks.json", *epochs}
    assert (folder / "events.jsonl").read_bytes() == (old_run.folder / "events.jsonl").read_bytes()
    assert [array.shape for array in load_weights(folder / "weights.npz")] == [(784, 10), (10,)]


def test_a_run_without_weights_cannot_be_packed(old_run):
    (old_run.folder / "weights.npz").unlink()
    with pytest.raises(ArchiveError, match=r"old-softmax cannot be packed: weights\.npz is missing"):
        pack_run(old_run)


def config_with(**values) -> bytes:
    """Return the old run's settings with some values replaced, as JSON."""
    config = json.loads((PROJECT / "tests" / "support" / "old_run" / "config.json").read_text())
    return json.dumps(config | values).encode()


class Malicious:
    """Object that creates a file when it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("/tmp/mnistdash-was-here"),))


INVALID = {
    "a path upwards": {"../outside.txt": b"x"},
    "an absolute path": {"/etc/cron.d/x": b"x"},
    "a path upwards in epochs": {"epochs/../../x.npz": b"x"},
    "a LiteRT model": {"model.tflite": b"x"},
    "a Keras model": {"model.keras": b"x"},
    "a card that is a list": {"card.json": b"[]"},
    "a card of wrong types": {"card.json": b'{"name": 3}'},
    "settings that are not JSON": {"config.json": b"{"},
    "settings out of range": {"config.json": config_with(batch_size=10**9)},
    "settings of a wrong type": {"config.json": config_with(epochs="many")},
    "neither epochs nor steps": {"config.json": config_with(epochs=None)},
    "an unknown recipe": {"config.json": config_with(recipe="os.system")},
    "a name upwards": {"config.json": config_with(name="../mine")},
    "a name of markup": {"config.json": config_with(name="<script>")},
    "no weights": {"weights.npz": None},
    "no settings": {"config.json": None},
    "weights that are text": {"weights.npz": b"weights"},
    "pickled weights": {"weights.npz": npz(np.array([Malicious()], object))},
    "weights that are not numbers": {"weights.npz": npz(np.full(10, np.nan, np.float32))},
    "weights in float64": {"weights.npz": npz(np.zeros(10))},
    "an empty list of weights": {"weights.npz": npz()},
    "named weights": {"weights.npz": npz(kernel=WEIGHTS)},
    "an epoch that is text": {"epochs/0001.npz": b"x"},
    "an epoch that lacks an array": {"epochs/0001.npz": npz(predicted=np.zeros(5, np.uint8))},
    "annotations of a wrong type": {"marks.json": b'{"mnist": 3}'},
    "a zip bomb": {"marks.json": b" " * 2_000_000},
    "a zip bomb in the weights": {"weights.npz": npz(np.zeros(500_000, np.float32))},
}


@pytest.mark.parametrize("files", INVALID.values(), ids=INVALID)
def test_an_invalid_zip_is_refused_in_one_sentence(packed, files, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1_500_000)
    read_archive(io.BytesIO(packed))
    with pytest.raises(ArchiveError) as refused:
        read_archive(changed(packed, files))
    assert len(str(refused.value)) < 200
    assert not Path("/tmp/mnistdash-was-here").exists()


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"hello" * 100, b"PK\x03\x04" + bytes(2_000)], ids=["empty", "two", "text", "header"]
)
def test_a_file_that_is_not_a_zip_is_refused(content):
    with pytest.raises(ArchiveError, match="not the zip of a run"):
        read_archive(io.BytesIO(content))


def test_a_damaged_zip_raises_only_an_archive_error(packed):
    """Change, delete or truncate bytes at random with a fixed seed."""
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        content = bytearray(packed)
        start = int(random.integers(len(content)))
        kind = random.integers(3)
        if kind == 0:
            content[start] ^= int(random.integers(1, 256))
        elif kind == 1:
            del content[start : start + int(random.integers(1, 500))]
        else:
            del content[start:]
        try:
            read_archive(io.BytesIO(content))
        except ArchiveError:
            refused += 1
    assert refused > 100


def test_too_many_files_are_refused(packed):
    many = {f"epochs/{number:04}.npz": b"" for number in range(1_200)}
    with pytest.raises(ArchiveError, match="contains more than a run"):
        read_archive(changed(packed, many))


def test_a_duplicate_name_is_refused(packed):
    twice = io.BytesIO(packed)
    with zipfile.ZipFile(twice, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("config.json", b"{}")
    with pytest.raises(ArchiveError, match="contains more than a run"):
        read_archive(twice)


@pytest.mark.slow
def test_a_deleted_run_is_restored_on_the_command_line(old_run, models, offline, tmp_path, capsys):
    """Restore it with the same results, and a second time under another name."""
    zipped = tmp_path / "old.zip"
    assert main(["export", "--model", "old-softmax", "--format", "zip", str(zipped)]) == 0
    shutil.rmtree(old_run.folder)
    for name in ("old-softmax", "old-softmax-1"):
        capsys.readouterr()
        assert main(["restore", str(zipped)]) == 0
        assert capsys.readouterr().out.startswith(f"{name}: finished")
        back = store.load_trained_run(name, models)
        assert back.status == "finished"
        assert back.card.test_accuracy == pytest.approx(old_run.card.test_accuracy, abs=0.004)
        assert (back.card.best_epoch, back.card.seconds) == (old_run.card.best_epoch, old_run.card.seconds)
        assert snapshots.snapshot_epochs(back.folder) == [1, 2]
    assert main(["restore", "--name", "old-softmax", str(zipped)]) == 1
    assert capsys.readouterr().err.endswith("There is a run named old-softmax already; choose another name.\n")
    assert {path.name for path in models.iterdir()} == {"old-softmax", "old-softmax-1"}
