"""Commands: their arguments, output and exit status."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hands import on_canvas
from PIL import Image
from waiting import until

from mnistdash.cli.main import main
from mnistdash.runs import store
from mnistdash.runs.events import read_events
from mnistdash.settings import PROJECT


def run(*arguments: str) -> subprocess.CompletedProcess:
    """Run a command in a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "mnistdash", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Restore the signal handlers that commands set."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def image(tmp_path, drawing):
    """Return a function that saves a drawing as an image file: image("black on white.png")."""

    def save(name: str, pixels: np.ndarray = drawing):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return save


def one_line(text: str) -> str:
    """Return an error message after checking that it is a single line."""
    assert text.count("\n") == 1, text
    assert text.startswith("mnistdash: ")
    return text


@pytest.mark.parametrize(
    "command", ["data", "recipes", "doctor", "train", "models", "evaluate", "predict", "export", "restore"]
)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"mnistdash {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["nothing"], ["train"], ["train", "--recipe", "nothing"], ["train", "--recipe", "softmax", "--epochs", "x"]],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_recipes_are_listed_with_their_known_accuracy(capsys):
    assert main(["recipes"]) == 0
    out = capsys.readouterr().out
    assert "keras-cnn" in out
    assert "99.19%, loss 0.0265" in out


def test_data_prints_its_location(mnist, monkeypatch, capsys):
    monkeypatch.setenv("MNISTDASH_DATA", mnist.source)
    assert main(["data"]) == 0
    out = capsys.readouterr().out
    assert mnist.source in out
    assert "55,000" in out


def test_unavailable_data_fails_with_one_line(offline, capsys):
    assert main(["data"]) == 1
    assert "MNISTDASH_DATA" in one_line(capsys.readouterr().err)


def test_models_prints_a_table_or_json(flagship, capsys):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert flagship.card.validation in out
    assert ("* Also trained on the validation images" in out) == flagship.card.validation_seen
    assert main(["models", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)
    assert model == {
        "name": "flagship",
        "recipe": "flagship",
        "parameters": flagship.card.parameters,
        "bytes": (flagship.folder / "model.tflite").stat().st_size,
        "validation_accuracy": flagship.card.validation_accuracy,
        "test_accuracy": flagship.card.test_accuracy,
    }


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "webp", "avif"])
@pytest.mark.parametrize("ink", ["black on white", "white on black"])
def test_predict_reads_common_formats(flagship, image, drawing, capsys, kind, ink):
    path = image(f"a 7.{kind}", drawing if ink == "black on white" else 255 - drawing)
    assert main(["predict", str(path)]) == 0
    file, digit, confidence = capsys.readouterr().out.rstrip("\n").rsplit(" ", 2)
    assert (file, digit) == (str(path), "7")
    assert 0.5 < float(confidence) <= 1


def test_predict_reads_transparent_png(flagship, image, drawing, capsys):
    pixels = np.zeros((200, 200, 4), np.uint8)
    pixels[..., 3] = 255 - drawing
    assert main(["predict", "--json", str(image("it.png", pixels))]) == 0
    assert json.loads(capsys.readouterr().out)["digit"] == 7


def test_predict_prints_one_json_object_per_line(flagship, image, capsys):
    seven, blank = image("a.png"), image("b.png", np.full((50, 50), 255, np.uint8))
    assert main(["predict", "--json", str(seven), str(blank)]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    one = {"digit", "confidence", "probabilities", "is_digit", "verdict"}
    assert first.keys() == one | {"file", "number", "digits"}
    assert [digit.keys() for digit in first["digits"]] == [one]
    assert (first["number"], second["number"], second["digits"]) == ("7", None, [])
    assert (first["file"], first["digit"], first["verdict"]) == (str(seven), 7, "digit")
    assert len(first["probabilities"]) == 10
    assert sum(first["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert first["confidence"] == max(first["probabilities"])
    assert (second["digit"], second["confidence"], second["verdict"]) == (None, 0.0, "blank")


def test_predict_recognizes_numbers(flagship, image, capsys):
    path = str(image("number.png", on_canvas("2026")))
    assert main(["predict", path]) == 0
    assert capsys.readouterr().out.startswith(f"{path} 2026 ")
    assert main(["predict", "--json", path]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["number"] == "2026"
    assert [digit["digit"] for digit in read["digits"]] == [2, 0, 2, 6]
    assert read["digit"] in range(10), "the whole image as a single digit"


def test_predict_rejects_a_letter(flagship, image, capsys):
    assert main(["predict", "--json", str(image("a.png", on_canvas(["A"])))]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["verdict"] == "not a digit"
    assert read["confidence"] < 0.7
    assert read["is_digit"] < 0.5


def test_predict_reads_folders_and_continues_after_a_bad_file(flagship, image, tmp_path, capsys):
    image("folder/a.png")
    (tmp_path / "folder" / "b.png").write_text("text")
    image("folder/c.png")
    (tmp_path / "folder" / "notes.txt").write_text("not meant as an image")
    assert main(["predict", str(tmp_path / "folder")]) == 1
    out, err = capsys.readouterr()
    assert [line.split()[-2] for line in out.splitlines()] == ["7", "7"]
    assert "b.png: not an image" in one_line(err)


@pytest.mark.slow
def test_predict_prints_one_line_for_each_file_that_is_not_an_image(flagship, image, tmp_path):
    """Use a separate process, because native libraries may write to standard error, too."""
    paths = [tmp_path / name for name in ("text.png", "empty.png", "zero.ppm", "missing.png", "huge.png")]
    paths[0].write_text("hello")
    paths[1].touch()
    paths[2].write_bytes(b"P5 0 0 255\n")
    Image.new("1", (20_000, 20_000)).save(paths[4])
    good = image("good.png")
    done = run("predict", *map(str, [*paths, good]))
    assert done.returncode == 1
    assert done.stdout.startswith(f"{good} 7 ")
    lines = done.stderr.splitlines(keepends=True)
    assert len(lines) == len(paths)
    for path, line in zip(paths, lines, strict=True):
        assert str(path) in one_line(line)


def test_predict_rejects_an_empty_folder_and_an_unknown_model(flagship, image, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(tmp_path / "empty")]) == 1
    assert "no image in this folder" in one_line(capsys.readouterr().err)
    assert main(["predict", "--model", "nothing", str(image("a.png"))]) == 1
    assert "There is no model named nothing (models: flagship)" in one_line(capsys.readouterr().err)


@pytest.mark.slow
def test_evaluate_prints_text_or_json(flagship, mnist, monkeypatch, capsys):
    monkeypatch.setenv("MNISTDASH_DATA", mnist.source)
    arguments = ["evaluate", "--model", "flagship", "--split", "validation"]
    assert main(arguments) == 0
    assert f"{flagship.card.validation_accuracy:.2%}" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    confusion = np.array(result["confusion"])
    assert confusion.shape == (10, 10)
    assert confusion.sum(1).tolist() == np.bincount(mnist.validation.labels).tolist(), "rows are the true digits"
    assert confusion.trace() / 5000 == result["accuracy"] == 1 - len(result["errors"]) / 5000
    assert [figures["digit"] for figures in result["per_digit"]] == list(range(10))
    assert 0 < result["loss"] < 0.1
    assert 0 < result["calibration_error"] < 0.01


def test_evaluate_on_the_sample_has_a_notice(flagship, offline, capsys):
    assert main(["evaluate", "--model", "flagship", "--split", "test", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["data"] == "sample"
    assert "offline sample" in one_line(err)


@pytest.mark.parametrize("kind", ["keras", "tflite"])
def test_export_copies_the_file_and_never_overwrites(flagship, tmp_path, capsys, kind):
    out = tmp_path / "out"
    assert main(["export", "--model", "flagship", "--format", kind, str(out)]) == 0
    assert out.read_bytes() == (flagship.folder / f"model.{kind}").read_bytes()
    capsys.readouterr()
    assert main(["export", "--model", "flagship", "--format", kind, str(out)]) == 1
    assert "already exists" in one_line(capsys.readouterr().err)


def test_export_to_a_missing_folder_fails(flagship, tmp_path, capsys):
    assert main(["export", "--model", "flagship", "--format", "tflite", str(tmp_path / "no" / "out")]) == 1
    assert "cannot be written" in one_line(capsys.readouterr().err)


@pytest.mark.slow
def test_export_a_saved_model(flagship, tmp_path):
    import keras
    import tensorflow as tf

    done = run("export", "--model", "flagship", "--format", "savedmodel", str(tmp_path / "saved"))
    assert done.returncode == 0, done.stderr
    images = np.random.default_rng(0).random((3, 28, 28), np.float32)
    saved = tf.saved_model.load(tmp_path / "saved")
    served, expected = saved.serve(images), keras.models.load_model(flagship.folder / "model.keras")(images)
    assert served.keys() == {"probabilities", "is_digit", "features"}
    assert np.allclose(served["probabilities"], expected, atol=1e-5)


@pytest.mark.slow
def test_train_creates_a_model_that_predicts_and_can_be_continued(models, offline, image, capfd):
    """Train offline, on the sample."""
    settings = ("--epochs", "2", "--seed", "3", "--batch-size", "50", "--limit", "200", "--train-on-validation")
    assert main(["train", "--recipe", "softmax", "--name", "mine", *settings]) == 0
    out, err = capfd.readouterr()
    assert "offline sample" in one_line(err)
    assert out.count("epoch ") == 3, "one line per epoch and one for the best"
    assert "test accuracy" in out.splitlines()[-1]
    mine = store.load_run(models / "mine")
    assert mine.status == "finished"
    assert (mine.config.seed, mine.config.batch_size, mine.config.epochs) == (3, 50, 2)
    assert main(["train", "--continue", "mine", "--epochs", "1", "--limit", "2000"]) == 0
    following = store.load_run(models / "mine-1")
    assert (following.config.start, following.config.seed, following.config.batch_size) == ("mine", 4, 50)
    assert following.card.validation_seen
    capfd.readouterr()
    assert main(["predict", "--model", "mine", str(image("a.png"))]) == 0
    assert capfd.readouterr().out.split()[-2] in "0123456789"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--epochs", "0"), "Epochs must be at least 1, not 0"),
        (("--name", "Not a name"), "cannot be a run's name"),
        (("--name", "flagship"), "There is a run named flagship already"),
    ],
)
def test_train_rejects_invalid_settings(flagship, capsys, arguments, reason):
    assert main(["train", "--recipe", "softmax", *arguments]) == 1
    assert reason in one_line(capsys.readouterr().err)


def test_train_continues_only_ended_runs_with_weights(make_run, capsys):
    make_run("new", "softmax")
    config = store.load_run(make_run("odd", "softmax", events=[], card={"status": "finished"})).folder / "config.json"
    config.write_text(config.read_text().replace('"recipe": "softmax"', '"recipe": "gone"'))
    for name, reason in (
        ("new", "new is queued: only a run that has ended"),
        ("odd", "only a run that has ended, has weights and uses a known recipe can be continued"),
        ("none", "There is no model named none"),
        ("../elsewhere", "cannot be a run's name"),
    ):
        assert main(["train", "--continue", name]) == 1
        assert reason in one_line(capsys.readouterr().err)


@pytest.mark.slow
def test_failed_training_gives_the_reason_in_the_last_line(models, offline, capsys):
    assert main(["train", "--recipe", "softmax-naive", "--learning-rate", "5", "--name", "mine"]) == 1
    assert "The loss became" in capsys.readouterr().err.splitlines()[-1]
    assert store.load_run(models / "mine").status == "failed"


@pytest.mark.slow
def test_ctrl_c_stops_a_running_run_and_saves_the_best_weights(models, offline):
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistdash", "train", "--recipe", "softmax", "--epochs", "1000", "--name", "mine"],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: any(event["event"] == "epoch" for event in read_events(models / "mine")[0]), 300)
    assert store.load_run(models / "mine").status == "running"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 0
    assert "saving the best weights" in err
    assert store.load_trained_run("mine", models).status == "stopped"


@pytest.mark.slow
def test_a_damaged_user_file_stops_train_and_evaluate(flagship, mnist, tmp_path, monkeypatch, capsys):
    """The commands must not use the sample instead."""
    for path in Path(mnist.source).glob("*ubyte*"):
        shutil.copyfile(path, tmp_path / path.name)
    damaged = next(tmp_path.glob("t10k-labels*"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    monkeypatch.setenv("MNISTDASH_DATA", str(tmp_path))
    assert main(["evaluate", "--model", "flagship", "--split", "test"]) == 1
    assert str(damaged) in one_line(capsys.readouterr().err)
    assert main(["train", "--recipe", "softmax", "--name", "mine"]) == 1
    assert str(damaged) in one_line(capsys.readouterr().err)
