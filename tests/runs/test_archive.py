"""Zips of runs: what is packed comes back, and what comes from elsewhere is checked before anything is taken."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnistdash.exceptions import ArchiveError
from mnistdash.runs import snapshots, store
from mnistdash.runs.archive import pack_run, read_archive, unpack_run
from mnistdash.runs.config import RECIPES, configure, validate
from mnistdash.runs.run import Run
from mnistdash.runs.weights import load_weights
from mnistdash.settings import PROJECT

BIASES, WEIGHTS = np.zeros(10, np.float32), np.ones((784, 10), np.float32)


def npz(*arrays: np.ndarray, **named: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{str(number): array for number, array in enumerate(arrays)}, **named)
    return file.getvalue()


@pytest.fixture
def run(make_run) -> Run:
    """A finished run with all that it needs to be packed."""
    folder = make_run("mine", events=[{"event": "started", "elapsed": 0}], card={"status": "finished"})
    (folder / "weights.npz").write_bytes(npz(WEIGHTS, BIASES))
    answers = snapshots.EpochPredictions(np.zeros(5, np.uint8), np.ones(5, np.float16), np.ones(5, np.float16))
    snapshots.write_snapshot(folder, 1, answers)
    (folder / "marks.json").write_text('{"mnist": {"test": {"3": {"kind": "ambiguous", "note": "x"}}}}')
    (folder / "log.txt").write_text("not packed")
    return store.load_run(folder)


def changed(packed: bytes, files: dict[str, bytes | None]) -> io.BytesIO:
    """The zip with some files replaced, added, or (None) left out."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()} | files
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    return out


def test_what_is_packed_comes_back_without_model_and_card(run, tmp_path):
    backup = read_archive(io.BytesIO(pack_run(run)))
    assert backup.config == run.config
    assert backup.card == run.card
    folder = tmp_path / "new"
    folder.mkdir()
    back = unpack_run(backup, "another", folder)
    assert back.config.name == "another"
    assert back.card is None
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert kept == {"config.json", "events.jsonl", "weights.npz", "marks.json", "epochs/0001.npz"}
    assert (folder / "events.jsonl").read_bytes() == (run.folder / "events.jsonl").read_bytes()
    assert [array.shape for array in load_weights(folder / "weights.npz")] == [(784, 10), (10,)]


def test_a_run_without_weights_or_card_cannot_be_packed(run):
    (run.folder / "weights.npz").unlink()
    with pytest.raises(ArchiveError, match=r"mine cannot be packed: it lacks weights\.npz"):
        pack_run(run)


def config_with(**values) -> bytes:
    config = json.loads((PROJECT / "models" / "flagship" / "config.json").read_text())
    return json.dumps(config | {"recipe": "softmax", "name": "mine", "dropout": None} | values).encode()


class Evil:
    """What a pickle would run."""

    def __reduce__(self):
        return (Path.touch, (Path("/tmp/mnistdash-was-here"),))


EVIL = {
    "a path upwards": {"../outside.txt": b"x"},
    "an absolute path": {"/etc/cron.d/x": b"x"},
    "a path upwards in epochs": {"epochs/../../x.npz": b"x"},
    "a model": {"model.tflite": b"x"},
    "a Keras model": {"model.keras": b"x"},
    "a card that is none": {"card.json": b"[]"},
    "a card with wrong types": {"card.json": b'{"name": 3}'},
    "settings that are none": {"config.json": b"{"},
    "settings out of range": {"config.json": config_with(batch_size=10**9)},
    "settings of a wrong type": {"config.json": config_with(epochs="many")},
    "an unknown recipe": {"config.json": config_with(recipe="os.system")},
    "a name upwards": {"config.json": config_with(name="../mine")},
    "a name of markup": {"config.json": config_with(name="<script>")},
    "no weights": {"weights.npz": None},
    "no settings": {"config.json": None},
    "weights that are text": {"weights.npz": b"weights"},
    "weights that are pickled": {"weights.npz": npz(np.array([Evil()], object))},
    "weights that are no numbers": {"weights.npz": npz(np.full(10, np.nan, np.float32))},
    "weights in doubles": {"weights.npz": npz(np.zeros(10))},
    "no weight at all": {"weights.npz": npz()},
    "weights under names": {"weights.npz": npz(kernel=WEIGHTS)},
    "an epoch that is none": {"epochs/0001.npz": b"x"},
    "an epoch that lacks something": {"epochs/0001.npz": npz(predicted=np.zeros(5, np.uint8))},
    "marks that are none": {"marks.json": b'{"mnist": 3}'},
    "a bomb": {"marks.json": b" " * 200_000_000},
    "a bomb inside": {"weights.npz": npz(np.zeros(50_000_000, np.float32))},
}


@pytest.mark.parametrize("what", EVIL)
def test_a_zip_that_no_run_would_make_is_refused_in_a_sentence(run, what):
    with pytest.raises(ArchiveError) as refused:
        read_archive(changed(pack_run(run), EVIL[what]))
    assert len(str(refused.value)) < 200
    assert not Path("/tmp/mnistdash-was-here").exists()


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"hello" * 100, b"PK\x03\x04" + bytes(2_000)], ids=["empty", "two", "text", "header"]
)
def test_what_is_no_zip_is_refused(content):
    with pytest.raises(ArchiveError, match="not a zip of a run"):
        read_archive(io.BytesIO(content))


def test_damaged_zips_are_refused_or_read_and_nothing_else(run):
    """Seeded: bytes changed, cut out and cut off."""
    packed = pack_run(run)
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


def test_too_many_files_are_refused(run):
    many = {f"epochs/{number:04}.npz": b"" for number in range(1_200)}
    with pytest.raises(ArchiveError, match="more than a run does"):
        read_archive(changed(pack_run(run), many))


def test_a_name_twice_is_refused(run):
    twice = io.BytesIO(pack_run(run))
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", b"{}")
    with pytest.raises(ArchiveError, match="more than a run does"):
        read_archive(twice)


def test_settings_are_checked_once_more(models):
    config = configure(RECIPES["softmax"], models)
    assert validate(config) is config


def test_a_run_goes_home_and_comes_back_on_the_command_line(models, offline, environment, tmp_path):
    """Trained, taken away, deleted, brought back with the same figures; a second time under another name."""

    def command(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "mnistdash", *arguments],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert command("train", "--recipe", "softmax", "--epochs", "3", "--name", "mine").returncode == 0
    was = store.load_trained_run("mine", models)
    zipped = tmp_path / "mine.zip"
    assert command("export", "--model", "mine", "--format", "zip", str(zipped)).returncode == 0
    shutil.rmtree(models / "mine")
    for name in ("mine", "mine-1"):
        done = command("restore", str(zipped))
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{name}: finished")
        back = store.load_trained_run(name, models)
        assert back.status == "finished"
        assert back.card.test_accuracy == pytest.approx(was.card.test_accuracy, abs=0.004)
        assert (back.card.best_epoch, back.card.seconds) == (was.card.best_epoch, was.card.seconds)
        assert snapshots.snapshot_epochs(back.folder) == [1, 2, 3]
    refused = command("restore", "--name", "mine", str(zipped))
    assert refused.returncode == 1
    assert refused.stderr == "mnistdash: There is a run named mine already; choose another name.\n"
    assert {path.name for path in models.iterdir()} == {"mine", "mine-1"}
