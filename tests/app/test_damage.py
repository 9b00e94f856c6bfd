"""Files that are cut short, empty, or something else: each page tells it in a sentence, and shows the rest."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from page_text import text

from mnistdash.data import sample as data_sample
from mnistdash.evaluation.prediction_task import PredictionTask
from mnistdash.inference.model import load_model
from mnistdash.runs import annotations, store
from mnistdash.settings import PROJECT

DAMAGES = {
    "cut short": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "text": lambda content: b"Hello, this is a note that someone saved here.\n" * 20,
    "other JSON": lambda content: b'{"event": "batch", "name": [], "mnist": 3}\n',
    "bytes": lambda content: bytes(np.random.default_rng(0).integers(0, 256, 5_000, np.uint8)),
}
FILES = (
    *("config.json", "card.json", "events.jsonl", "model.tflite", "log.txt", "marks.json"),
    *("epochs/0001.npz", "epochs/0002.npz", "analysis/sample-test.npz", "analysis/sample-axes.npz"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, sample) -> Path:
    """A run with all that it can hold: two epochs, marks, what it makes of the digits."""
    models = tmp_path_factory.mktemp("trained")
    script = (
        "import sys; from mnistdash.data import sample as data_sample; sample = data_sample.load_sample(); "
        "data_sample.load_mnist_or_sample = lambda *_, **__: (sample, None); "
        "from mnistdash.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["train", "--recipe", "softmax", "--epochs", "2", "--name", "whole"]
    environment = {"MNISTDASH_MODELS": str(models), "PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", script, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = store.load_trained_run("whole", models)
    annotations.save_annotation(run, "sample", "test", 3, annotations.Annotation("ambiguous", "like a 9"))
    background = PredictionTask(run, load_model("whole", models), sample)
    background.want("test")
    background.result("test")
    return models / "whole"


@pytest.fixture
def damaged(trained, models, flagship):
    """Copies of the run, each with one file damaged: damaged("empty") -> name of the copy by file."""

    def make(kind: str) -> dict[str, str]:
        names = {}
        for number, file in enumerate(FILES, start=1):
            folder = models / f"damaged-{number}"
            shutil.copytree(trained, folder)
            path = folder / file
            path.write_bytes(DAMAGES[kind](path.read_bytes()))
            names[file] = folder.name
        return names

    return make


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_page_shows_every_run_that_has_one_damaged_file(page, with_sample, damaged, kind):
    names = damaged(kind)
    assert data_sample.load_mnist_or_sample(None)[0] is with_sample
    train = page("train")
    assert f"{names['config.json']}/config.json" in text(train).replace("\\", "")
    for file, name in names.items():
        if file == "config.json":
            assert name not in train.selectbox(key="run").options
            continue
        train.selectbox(key="run").set_value(name).run()
        for view in ("Mistakes", "Features", "Curves"):
            train.segmented_control(key="view").set_value(view).run()
            assert not train.exception
    assert "card.json" in status(train, names["card.json"])
    for name in ("draw", "errors"):
        test = page(name)
        offered = test.selectbox(key="model").options
        assert {"flagship", names["marks.json"], names["model.tflite"]} <= set(offered)
        assert not {names["config.json"], names["card.json"]} & set(offered)
        for model in offered:
            test.selectbox(key="model").set_value(model).run()
            assert not test.exception
            if model == names["model.tflite"] and name == "errors":
                assert "is not the file that this run made" in text(test).replace("\\", "")


def status(train, name: str) -> str:
    """What Train says of a run, its errors included."""
    train.selectbox(key="run").set_value(name).run()
    return text(train).replace("\\", "")
