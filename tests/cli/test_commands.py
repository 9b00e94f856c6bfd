"""The command line as its users see it: arguments in, text, JSON and an exit status out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hands import on_canvas
from PIL import Image

from mnistdash.cli.main import main
from mnistdash.runs import store
from mnistdash.runs.events import read_events
from mnistdash.runs.run import LOG
from mnistdash.settings import PROJECT


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mnistdash", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.fixture
def image(tmp_path, drawing):
    """Save a drawing as an image file of a kind: image("black on white.png")."""

    def save(name: str, pixels: np.ndarray = drawing):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return save


def one_line(text: str) -> str:
    """The text, which must be one line that is none of a traceback's."""
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


def test_recipes_are_listed_with_what_they_reach(capsys):
    assert main(["recipes"]) == 0
    out = capsys.readouterr().out
    assert "keras-cnn" in out
    assert "99.19%, loss 0.0265" in out


def test_data_says_where_it_is(mnist, monkeypatch, capsys):
    monkeypatch.setenv("MNISTDASH_DATA", mnist.source)
    assert main(["data"]) == 0
    out = capsys.readouterr().out
    assert mnist.source in out
    assert "55,000" in out


def test_data_out_of_reach_is_one_line(offline, capsys):
    assert main(["data"]) == 1
    assert "MNISTDASH_DATA" in one_line(capsys.readouterr().err)


def test_models_as_a_table_and_as_json(flagship, capsys):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert flagship.card.validation in out
    assert ("* Trained on the validation images too" in out) == flagship.card.validation_seen
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
def test_predict_reads_common_files(flagship, image, drawing, capsys, kind, ink):
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


def test_predict_gives_json_line_by_line(flagship, image, capsys):
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


def test_predict_reads_numbers(flagship, image, capsys):
    path = str(image("number.png", on_canvas("2026")))
    assert main(["predict", path]) == 0
    assert capsys.readouterr().out.startswith(f"{path} 2026 ")
    assert main(["predict", "--json", path]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["number"] == "2026"
    assert [digit["digit"] for digit in read["digits"]] == [2, 0, 2, 6]
    assert read["digit"] in range(10), "the best guess if all of it were one digit"


def test_predict_says_what_is_no_digit(flagship, image, capsys):
    assert main(["predict", "--json", str(image("a.png", on_canvas(["A"])))]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["verdict"] == "not a digit"
    assert read["confidence"] < 0.7
    assert read["is_digit"] < 0.5


def test_predict_reads_folders_and_goes_on_after_a_bad_file(flagship, image, tmp_path, capsys):
    image("folder/a.png")
    (tmp_path / "folder" / "b.png").write_text("text")
    image("folder/c.png")
    (tmp_path / "folder" / "notes.txt").write_text("not meant as an image")
    assert main(["predict", str(tmp_path / "folder")]) == 1
    out, err = capsys.readouterr()
    assert [line.split()[-2] for line in out.splitlines()] == ["7", "7"]
    assert "b.png: not an image" in one_line(err)


@pytest.mark.parametrize("name", ["text.png", "empty.png", "zero.ppm", "missing.png", "huge.png"])
def test_predict_gives_one_clear_line_for_what_is_no_image(flagship, tmp_path, name):
    """In a process of its own, where native libraries might write to standard error, too."""
    path = tmp_path / name
    if name == "text.png":
        path.write_text("hello")
    elif name == "empty.png":
        path.touch()
    elif name == "zero.ppm":
        path.write_bytes(b"P5 0 0 255\n")
    elif name == "huge.png":
        Image.new("1", (20_000, 20_000)).save(path)
    done = run("predict", str(path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert str(path) in one_line(done.stderr)


def test_predict_names_an_empty_folder_and_an_unknown_model(flagship, image, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(tmp_path / "empty")]) == 1
    assert "there is no image in this folder" in one_line(capsys.readouterr().err)
    assert main(["predict", "--model", "nothing", str(image("a.png"))]) == 1
    assert "There is no model named nothing (models: flagship)" in one_line(capsys.readouterr().err)


def test_predict_says_nothing_but_its_answer(flagship, image):
    """LiteRT greets on standard error; a script that reads ours should not have to know."""
    done = run("predict", str(image("a.png")))
    assert (done.returncode, done.stderr) == (0, "")


def test_evaluate_as_text_and_as_json(flagship, mnist, monkeypatch, capsys):
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


def test_evaluate_on_the_sample_says_so(flagship, offline):
    done = run("evaluate", "--model", "flagship", "--split", "test", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["data"] == "sample"
    assert "offline sample" in one_line(done.stderr)


@pytest.mark.parametrize("kind", ["keras", "tflite"])
def test_export_copies_the_file_and_never_overwrites(flagship, tmp_path, capsys, kind):
    out = tmp_path / "out"
    assert main(["export", "--model", "flagship", "--format", kind, str(out)]) == 0
    assert out.read_bytes() == (flagship.folder / f"model.{kind}").read_bytes()
    capsys.readouterr()
    assert main(["export", "--model", "flagship", "--format", kind, str(out)]) == 1
    assert "exists already" in one_line(capsys.readouterr().err)


def test_export_to_a_folder_that_is_not_there(flagship, tmp_path, capsys):
    assert main(["export", "--model", "flagship", "--format", "tflite", str(tmp_path / "no" / "out")]) == 1
    assert "cannot be written" in one_line(capsys.readouterr().err)


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


def test_train_from_nothing_to_a_model_that_predicts(models, offline, image):
    """Offline, with the sample, and everything a run leaves."""
    settings = ("--epochs", "5", "--seed", "3", "--batch-size", "50", "--train-on-validation")
    done = run("train", "--recipe", "softmax", "--name", "mine", *settings)
    assert done.returncode == 0, done.stderr
    assert "offline sample" in one_line(done.stderr)
    assert done.stdout.count("epoch ") == 6, "a line for each, and one for the best"
    assert "test accuracy" in done.stdout.splitlines()[-1]
    run_ = store.load_run(models / "mine")
    assert run_.status == "finished"
    assert (run_.config.seed, run_.config.batch_size, run_.config.epochs) == (3, 50, 5)
    assert run_.card.validation_seen
    done = run("train", "--continue", "mine", "--epochs", "1", "--no-train-on-validation")
    assert done.returncode == 0, done.stderr
    following = store.load_run(models / "mine-1")
    assert (following.config.start, following.config.seed, following.config.batch_size) == ("mine", 4, 50)
    assert following.card.validation_seen, "nothing undoes that"
    assert run("predict", "--model", "mine", str(image("a.png"))).stdout.split()[-2] in "0123456789"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--epochs", "0"), "Epochs must be at least 1, not 0"),
        (("--name", "Not a name"), "cannot be a run's name"),
        (("--name", "flagship"), "There is a run named flagship already"),
    ],
)
def test_train_refuses_what_cannot_be(flagship, capsys, arguments, reason):
    assert main(["train", "--recipe", "softmax", *arguments]) == 1
    assert reason in one_line(capsys.readouterr().err)


def test_train_continues_only_what_has_ended_with_weights(make_run, capsys):
    make_run("new", "softmax")
    config = store.load_run(make_run("odd", "softmax", events=[], card={"status": "finished"})).folder / "config.json"
    config.write_text(config.read_text().replace('"recipe": "softmax"', '"recipe": "gone"'))
    for name, reason in (
        ("new", "new is queued: only a run that has ended"),
        ("odd", "only a run that has ended, has weights and is of a recipe here can be continued"),
        ("none", "There is no model named none"),
        ("../elsewhere", "cannot be a run's name"),
    ):
        assert main(["train", "--continue", name]) == 1
        assert reason in one_line(capsys.readouterr().err)


def test_train_that_fails_is_one_line_and_exit_1(models, offline):
    done = run("train", "--recipe", "softmax-naive", "--learning-rate", "5", "--name", "mine")
    assert done.returncode == 1
    assert "The loss became" in done.stderr.splitlines()[-1]
    assert store.load_run(models / "mine").status == "failed"


def test_ctrl_c_keeps_the_best_weights(models, offline):
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistdash", "train", "--recipe", "softmax", "--epochs", "1000", "--name", "mine"],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(event["event"] == "epoch" for event in read_events(models / "mine")[0]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "the best weights are kept" in err
    assert store.load_trained_run("mine", models).status == "stopped"


def test_a_damaged_file_of_the_users_stops_train_and_evaluate(flagship, mnist, tmp_path, monkeypatch, capsys):
    """They must not go on with the sample as if nothing were wrong."""
    for path in Path(mnist.source).glob("*ubyte*"):
        shutil.copyfile(path, tmp_path / path.name)
    damaged = next(tmp_path.glob("t10k-labels*"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    monkeypatch.setenv("MNISTDASH_DATA", str(tmp_path))
    assert main(["evaluate", "--model", "flagship", "--split", "test"]) == 1
    assert str(damaged) in one_line(capsys.readouterr().err)
    done = run("train", "--recipe", "softmax", "--name", "mine")
    assert done.returncode == 1
    assert str(damaged) in one_line(done.stderr)


def test_a_process_that_stands_by_measures_and_then_trains_the_run_it_is_told(models, tmp_path, offline):
    from mnistdash.runs.config import configure
    from mnistdash.runs.recipes import RECIPES
    from mnistdash.runs.throughput import ThroughputCache

    config = configure(RECIPES["softmax"], models, epochs=1, precision="auto", tensorboard=True)
    store.create_run(config, models)
    command = [sys.executable, "-m", "mnistdash", "train", "--stand-by"]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    measure = {"recipe": "softmax", "batch_size": 100, "optimizer": "sgd", "augmentation": False}
    process.stdin.write(json.dumps({"measure": measure}).encode() + b"\n")
    process.stdin.flush()
    deadline = time.monotonic() + 90
    while ThroughputCache(offline).get(config) is None:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.stdin.write(json.dumps({"train": config.name}).encode() + b"\n")
    process.stdin.flush()
    process.wait(90)
    run = store.load_run(models / config.name)
    assert run.status == "finished"
    assert run.card.precision in ("float32", "bfloat16")
    assert (run.folder / "tensorboard" / "validation").is_dir()
    assert (run.folder / LOG).exists()


def test_a_process_that_stands_by_ends_with_its_input(models):
    command = [sys.executable, "-m", "mnistdash", "train", "--stand-by"]
    assert subprocess.run(command, cwd=PROJECT, stdin=subprocess.DEVNULL, timeout=90).returncode == 0


SHORT_OF_MEMORY = """
import sys
from dataclasses import replace
from mnistdash import configs, runs, worker
from mnistdash.lifelines import Lifeline
from mnistdash.recipes import RECIPES
from mnistdash.settings import Settings
from mnistdash.speeds import Speeds
settings = Settings.from_environment()
config = configs.configure(RECIPES["softmax"], settings.models, epochs=1, limit=200, precision="auto")
apart, worker.available_memory = worker._measure_apart, lambda: 0
def measure_apart(config):
    apart(config)
    print(Speeds(settings.cache).get(config) is not None, "tensorflow" in sys.modules)
worker._measure_apart = measure_apart
for name in ("first", "second"):
    folder = runs.create(replace(config, name=name), settings.models)
    writer, lifeline = worker.EventWriter(folder), Lifeline(settings.models)
    worker._train(config, folder, settings, writer, lifeline, worker.Stop(), None, strict=True)
    print(runs.load(folder).status)
"""


def test_where_memory_is_scarce_another_process_measures_once_and_before_tensorflow_is_loaded(
    offline, models, output_of
):
    assert output_of(SHORT_OF_MEMORY).split() == ["True", "False", "finished", "finished"]
