"""Measure training speed against bare Keras, and the time to 99.0% validation accuracy.

    python benchmarks/training.py [--parts speed,target] [--repeat N]

speed     images per second from the second epoch on, without validation: each recipe in a child process and,
          alternating, the same model and settings in a bare Keras script, with and without a callback that reads the
          loss of each step, and with Keras's defaults, XLA and float32
target    time until an epoch of `express` and `keras-cnn` on 55,000 images reaches 99.0% validation accuracy, started
          as on Train: three seeds each, in a new process and in a warm one; a run that ends below 99.0% is continued

Takes about half an hour on two cores. All child processes share a new cache folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import events, store
from mnistdash.runs.config import configure, resume_config
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import ACTIVE
from mnistdash.settings import PROJECT, Settings

# Few enough to take seconds on two cores.
DIGITS = {"flagship": 3_000, "tutorial-cnn": 16_000, "dropout-cnn": 16_000, "keras-cnn": 12_000}
EPOCHS = {"softmax": 9, "softmax-naive": 9}
TARGET = 0.99
SEEDS = 3
WARM_UP = 12  # seconds until a process is warm
BARE = """
import json, sys, time
import keras, numpy as np
sys.path.insert(0, {project!r})
from mnistdash.data import sample
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.settings import Settings
from mnistdash.training import losses, networks, optimizers
from mnistdash.training.callbacks import StepPlan
from mnistdash.training.dataset import make_training_set

recipe, digits, epochs, precision, defaults = RECIPES[{recipe!r}], {digits}, {epochs}, {precision!r}, {defaults}
settings = Settings.from_environment()
data, _ = sample.load_mnist_or_sample(settings)
config = configure(recipe, settings.models, limit=digits, epochs=epochs, precision=precision)
keras.utils.set_random_seed(0)
made = make_training_set(data, recipe, digits, 0)
network = networks.build(recipe, precision)
model = networks.for_training(network, recipe, 0)
options = {{}} if defaults else {{"jit_compile": False}}
optimizer = optimizers.build(recipe, config, StepPlan.from_config(config, len(made)).steps)
model.compile(optimizer, losses.build(recipe), metrics=["accuracy"], **options)

class Clock(keras.callbacks.Callback):
    seconds = []
    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()
    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.monotonic() - self.start)
    if {reads}:
        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])

inputs = {{"pixels": made.images, "written": made.written}}
model.fit(inputs, made.labels, batch_size=recipe.batch_size, epochs=epochs, callbacks=[Clock()], verbose=0)
print(json.dumps([len(made) / seconds for seconds in Clock.seconds[1:]]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="speed,target")
    parser.add_argument("--repeat", type=int, default=3, help="runs per measurement of speed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MNISTDASH_MODELS": str(Path(folder) / "models"), "XDG_CACHE_HOME": str(Path(folder) / "cache")}
        parts = {"speed": lambda: speed(options.repeat), "target": target}
        for name in options.parts.split(","):
            parts[name]()
            print(flush=True)


def models() -> Path:
    return Path(os.environ["MNISTDASH_MODELS"])


def train(name: str, *arguments: str) -> subprocess.Popen:
    """Start a run on the command line."""
    command = [sys.executable, "-m", "mnistdash", "train", "--name", name, *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def of_kind(folder: Path, kind: str) -> list[dict]:
    return [event for event in events.read_events(folder)[0] if event["event"] == kind]


def speed(repeat: int) -> None:
    print("| recipe | precision | ours | bare Keras | ratio | loss read | ratio | defaults | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for recipe in RECIPES:
        digits, precision = DIGITS.get(recipe, 55_000), "auto"
        ours, others = [], {"bare": [], "reading": [], "defaults": []}
        for number in range(repeat):
            name = f"speed-{recipe}-{number}"
            epochs = str(EPOCHS.get(recipe, 2))
            arguments = ["--recipe", recipe, "--epochs", epochs, "--limit", str(digits), "--precision", precision]
            train(name, *arguments).wait()
            precision = of_kind(models() / name, "fitting")[0]["precision"]
            ours.append(statistics.median(e["images_per_second"] for e in of_kind(models() / name, "epoch")[1:]))
            others["bare"].append(bare_keras(recipe, digits, precision))
            others["reading"].append(bare_keras(recipe, digits, precision, reads=True))
            others["defaults"].append(bare_keras(recipe, digits, "float32", defaults=True))
        cells = [f"`{recipe}`", precision, f"{statistics.median(ours):,.0f}"]
        for speeds in others.values():
            ratio = statistics.median(a / b for a, b in zip(ours, speeds, strict=True))
            cells += [f"{statistics.median(speeds):,.0f}", f"{ratio:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def bare_keras(recipe: str, digits: int, precision: str, defaults: bool = False, reads: bool = False) -> float:
    """Return the images per second of a bare Keras script from the second epoch on."""
    settings = {
        "recipe": recipe,
        "digits": digits,
        "epochs": EPOCHS.get(recipe, 2),
        "precision": precision,
        "defaults": defaults,
        "reads": reads,
    }
    script = BARE.format(project=str(PROJECT), **settings)
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def target() -> None:
    print("| recipe | process | epochs | from the first step | from Start | test accuracy of each seed |")
    print("|---|---|---|---|---|---|")
    medians = {}
    for recipe in ("express", "keras-cnn"):
        # The first run with precision "auto" measures both precisions; later runs use the result.
        train(f"measured-{recipe}", "--recipe", recipe, "--limit", "500", "--epochs", "1", "--precision", "auto").wait()
        for stand_by in (False, True):
            reached = [until_target(recipe, seed, stand_by) for seed in range(SEEDS)]
            epochs, net, gross, _ = (statistics.median(column) for column in zip(*reached, strict=True))
            medians[recipe, stand_by] = net, gross
            print(
                f"| `{recipe}` | {'warm' if stand_by else 'new'} | {epochs:g} | {net:.1f} s | {gross:.1f} s | "
                f"{', '.join(f'{one[3]:.2%}' for one in reached)} |",
                flush=True,
            )
    for stand_by, process in ((False, "a new process"), (True, "a warm process")):
        (net, gross), (slow_net, slow_gross) = (medians[recipe, stand_by] for recipe in ("express", "keras-cnn"))
        print(
            f"\nIn {process}, `express` is {slow_net / net:.1f} times faster from the first step, "
            f"{slow_gross / gross:.1f} times from Start."
        )


def until_target(recipe: str, seed: int, stand_by: bool) -> tuple[int, float, float, float]:
    """Train until the validation accuracy reaches TARGET.

    Returns:
        Epochs, seconds from the first step, seconds from Start, test accuracy.
    """
    name = f"target-{recipe}-{'warm' if stand_by else 'cold'}-{seed}"
    queue = JobQueue(replace(Settings.from_environment(), stand_by=stand_by))
    if stand_by:
        queue.start()
        queue.keep_warm()
        time.sleep(WARM_UP)
    config = configure(RECIPES[recipe], models(), name=name, limit=55_000, seed=seed, precision="auto")
    began = time.monotonic()
    queue.submit(config)
    folders = [models() / name]
    while True:
        time.sleep(0.1)  # checking more often slows training down
        run = store.load_run(folders[-1])
        if [event for event in of_kind(run.folder, "epoch") if event["val_accuracy"] >= TARGET]:
            break
        if run.status == "finished":
            # Below the target: continue as on Train.
            config = resume_config(config, models(), epochs=1, learning_rate=config.learning_rate / 2)
            queue.submit(config)
            folders.append(models() / config.name)
        elif run.status not in ACTIVE:
            sys.exit(f"{run.name} {run.status}.")
    gross = time.monotonic() - began
    epochs = [of_kind(folder, "epoch")[-1] for folder in folders]
    queue.stop(folders[-1].name)
    while store.load_run(folders[-1]).status in ACTIVE:
        time.sleep(0.1)
    queue.close()
    first = [of_kind(folder, "batch")[0] for folder in folders]
    net = sum(last["elapsed"] - batch["elapsed"] for last, batch in zip(epochs, first, strict=True))
    return sum(last["epoch"] for last in epochs), net, gross, store.load_run(folders[-1]).card.test_accuracy


if __name__ == "__main__":
    main()
