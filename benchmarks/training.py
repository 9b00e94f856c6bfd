"""How fast the Train page's runs are: against bare Keras, to 99.0 %, to the first point, and under three browser tabs.

    python benchmarks/training.py [--parts speed,target,start,watching] [--repeat N]

speed     each recipe in our child process and, in turns, the same model with the same settings in a bare Keras
          script, with and without a callback that reads the loss of each step, and with
          Keras's defaults, XLA and float32: images per second from the second epoch on, without validation
target    `express` and `keras-cnn` on 55,000 digits, started as the Train page does, until an epoch's validation
          accuracy reaches 99.0 %: three seeds each, in a new process and in one that stands by; a run that ends short
          of it is continued
start     from the click on Start to the first point of the run's chart in Chromium, with and without a process that
          stands by
watching  images per second while three tabs of a browser elsewhere watch a run (clients that ask for the same and draw
          nothing), or three tabs of Chromium on the same cores, in turns of some seconds with those in which nobody
          does: the machine's own speed changes more in a minute than a tab takes

Takes about an hour on two cores. All child processes use one cache of measured speeds, in a folder of its own.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import events, store
from mnistdash.runs.config import configure, resume_config
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import ACTIVE, CONFIG
from mnistdash.settings import PROJECT, Settings

# Digits and epochs that take some seconds on two cores.
DIGITS = {"flagship": 3_000, "tutorial-cnn": 16_000, "dropout-cnn": 16_000, "keras-cnn": 12_000}
EPOCHS = {"softmax": 9, "softmax-naive": 9}
TARGET = 0.99
SEEDS = 3
READY = 12  # seconds in which a process that stands by has imported and loaded everything
PORT = 8596
TABS = 3
WATCHED = 3  # runs of each kind
TURN = 15  # seconds of watching, and of not watching
SETTLE = 10  # seconds in which pages load
BARE = """
import json, sys, time
import keras, numpy as np
sys.path.insert(0, {project!r})
from mnistdash import configs, datasets
from mnistdash.fitting import examples, losses, networks, optimizers
from mnistdash.fitting.reporter import Plan
from mnistdash.recipes import RECIPES
from mnistdash.settings import Settings

recipe, digits, epochs, precision, defaults = RECIPES[{recipe!r}], {digits}, {epochs}, {precision!r}, {defaults}
settings = Settings.from_environment()
data = datasets.load(settings)
config = configs.configure(recipe, settings.models, limit=digits, epochs=epochs, precision=precision)
keras.utils.set_random_seed(0)
made = examples.make(data, recipe, digits, 0)
network = networks.build(recipe, precision)
model = networks.for_training(network, recipe, 0)
options = {{}} if defaults else {{"jit_compile": False}}
optimizer = optimizers.build(recipe, config, Plan.of(config, len(made)).steps)
model.compile(optimizer, losses.build(recipe), metrics=["accuracy"], **options)

class Clock(keras.callbacks.Callback):
    seconds = []
    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()
    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.monotonic() - self.began)
    if {reads}:
        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])

clock = Clock()
model.fit(made.inputs, made.labels, batch_size=recipe.batch_size, epochs=epochs, callbacks=[clock], verbose=0)
print(json.dumps([len(made) / seconds for seconds in clock.seconds[1:]]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="speed,target,start,watching")
    parser.add_argument("--repeat", type=int, default=3, help="of each measurement of speed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MNISTDASH_MODELS": str(Path(folder) / "models"), "XDG_CACHE_HOME": str(Path(folder) / "cache")}
        parts = {"speed": lambda: speed(options.repeat), "target": target, "start": start, "watching": watching}
        for name in options.parts.split(","):
            parts[name]()
            print(flush=True)


def models() -> Path:
    return Path(os.environ["MNISTDASH_MODELS"])


def train(name: str, *arguments: str) -> subprocess.Popen:
    """Start a run on the command line, as the dashboard does."""
    command = [sys.executable, "-m", "mnistdash", "train", "--name", name, *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def of_kind(folder: Path, kind: str) -> list[dict]:
    return [event for event in events.read_events(folder)[0] if event["event"] == kind]


def speed(repeat: int) -> None:
    print("| recipe | precision | ours | bare Keras | ratio | bare, loss read each step | ratio | defaults | ratio |")
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
    """Images per second from the second epoch on, without anything of ours around it."""
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
        # Precision is measured once and kept, as on the page, where that happens before Start.
        train(f"measured-{recipe}", "--recipe", recipe, "--limit", "500", "--epochs", "1", "--precision", "auto").wait()
        for stand_by in (False, True):
            reached = [until_target(recipe, seed, stand_by) for seed in range(SEEDS)]
            epochs, net, gross, _ = (statistics.median(column) for column in zip(*reached, strict=True))
            medians[recipe, stand_by] = net, gross
            print(
                f"| `{recipe}` | {'standing by' if stand_by else 'new'} | {epochs:g} | {net:.1f} s | {gross:.1f} s | "
                f"{', '.join(f'{one[3]:.2%}' for one in reached)} |",
                flush=True,
            )
    for stand_by, process in ((False, "a new process"), (True, "one that stands by")):
        (net, gross), (slow_net, slow_gross) = (medians[recipe, stand_by] for recipe in ("express", "keras-cnn"))
        print(
            f"\nIn {process}, `express` is {slow_net / net:.1f} times faster from the first step, "
            f"{slow_gross / gross:.1f} times from Start."
        )


def until_target(recipe: str, seed: int, stand_by: bool) -> tuple[int, float, float, float]:
    """Train until validation says so: epochs, seconds from the first step, seconds from Start, test accuracy."""
    name = f"target-{recipe}-{'warm' if stand_by else 'cold'}-{seed}"
    queue = JobQueue(replace(Settings.from_environment(), stand_by=stand_by))
    if stand_by:
        queue.start()
        queue.keep_warm()
        time.sleep(READY)
    config = configure(RECIPES[recipe], models(), name=name, limit=55_000, seed=seed, precision="auto")
    began = time.monotonic()
    queue.submit(config)
    folders = [models() / name]
    while True:
        time.sleep(0.1)  # more often would slow the training down
        run = store.load_run(folders[-1])
        if [event for event in of_kind(run.folder, "epoch") if event["val_accuracy"] >= TARGET]:
            break
        if run.status == "finished":
            # It ended short of the target, and goes on as someone on the page would have it.
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


def start() -> None:
    print("| Start to the first point, medians of 5 | seconds |")
    print("|---|---|")
    for stand_by, label in (("0", "cold: a new process imports TensorFlow"), ("1", "warm: a process stands by")):
        with Browser(MNISTDASH_STAND_BY=stand_by) as browser:
            page = browser.open("/train?recipe=express")
            browser.wait_until_measured(page)
            took = [browser.start_to_first_point(page, f"express-{k + 1}", stand_by == "1") for k in range(5)]
        print(
            f"| {label} | {statistics.median(took):.2f} ({', '.join(f'{seconds:.2f}' for seconds in took)}) |",
            flush=True,
        )


def watching() -> None:
    print("| who watches a `keras-cnn` run | turns | images/s | beside nobody's | half of the turns |")
    print("|---|---|---|---|---|")
    with Browser(MNISTDASH_STAND_BY="0") as browser:
        for label, watchers in (("three tabs elsewhere", Listeners), ("three tabs on the same cores", Tabs)):
            turns = [turn for _ in range(WATCHED) for turn in watched(browser, watchers)]
            speeds, ratios = zip(*turns, strict=True)
            low, middle, high = (f"{ratio:.3f}" for ratio in statistics.quantiles(ratios, n=4))
            cells = [label, str(len(turns)), f"{statistics.median(speeds):,.0f}", middle, f"{low} to {high}"]
            print(f"| {' | '.join(cells)} |", flush=True)


def watched(browser: "Browser", watchers: "type[Listeners | Tabs]") -> list[tuple[float, float]]:
    """Watch one run every other turn: images per second of those, and its ratio to the mean of the turns around."""
    folder = browser.start("keras-cnn")
    with watchers(browser, folder.name) as present:
        while not of_kind(folder, "batch"):
            time.sleep(0.2)
        time.sleep(SETTLE)
        speeds: list[float] = []
        while True:
            present.look() if len(speeds) % 2 else present.rest()
            time.sleep(1)  # what was under way, or overdue
            began = events.read_events(folder)[0][-1]["elapsed"]
            time.sleep(TURN)
            if of_kind(folder, "batch")[-1]["elapsed"] < began + TURN - 2:
                break  # fitted before the turn's end
            speeds.append(
                statistics.fmean(e["images_per_second"] for e in of_kind(folder, "batch") if e["elapsed"] > began)
            )
        present.look()
        while store.load_run(folder).status in ACTIVE:
            time.sleep(0.5)
    return [
        (watched, 2 * watched / (before + after))
        for before, watched, after in zip(speeds[::2], speeds[1::2], speeds[2::2], strict=False)
    ]


class Listeners:
    """Three who ask the Train page for what a browser's tab asks for, and draw nothing: as on other machines."""

    def __init__(self, browser: "Browser", run: str):
        self._run, self._looking, self._done = run, threading.Event(), threading.Event()

    def __enter__(self) -> "Listeners":
        for _ in range(TABS):
            threading.Thread(target=self._listen, daemon=True).start()
        self.look()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def look(self) -> None:
        self._looking.set()

    def rest(self) -> None:
        self._looking.clear()

    def _listen(self) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ClientState_pb2 import ClientState
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.sync.client import connect

        timers: dict[str, tuple[float, float]] = {}  # fragment -> seconds between two looks, when the next is due
        with connect(f"ws://127.0.0.1:{PORT}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as socket:

            def ask(**state: object) -> None:
                client = ClientState(query_string=f"run={self._run}", page_name="train", **state)
                socket.send(BackMsg(rerun_script=client).SerializeToString())

            ask()
            while not self._done.is_set():
                try:
                    message = ForwardMsg.FromString(socket.recv(timeout=0.1))
                except TimeoutError:
                    message = ForwardMsg()
                kind = message.WhichOneof("type")
                if kind == "stop_auto_rerun":
                    for fragment in message.stop_auto_rerun.fragment_ids:
                        timers.pop(fragment, None)
                elif kind == "auto_rerun":
                    interval = message.auto_rerun.interval
                    timers[message.auto_rerun.fragment_id] = interval, time.monotonic() + interval
                for fragment, (interval, due) in timers.items():
                    if time.monotonic() >= due and self._looking.is_set():
                        timers[fragment] = interval, max(time.monotonic(), due + interval)
                        ask(fragment_id=fragment, is_auto_rerun=True)


class Tabs:
    """Three tabs of Chromium; all of its processes stand still while nobody is to look."""

    def __init__(self, browser: "Browser", run: str):
        self._browser = browser
        self._still: list[int] = []  # processes that stand still
        self._pages = [browser.new_page() for _ in range(TABS)]
        for page in self._pages:
            page.goto(f"{browser.url}/train?run={run}")

    def __enter__(self) -> "Tabs":
        return self

    def __exit__(self, *_: object) -> None:
        self.look()
        for page in self._pages:
            page.close()

    def look(self) -> None:
        while self._still:
            os.kill(self._still.pop(), signal.SIGCONT)

    def rest(self) -> None:
        self._still = self._browser.processes()
        for process in self._still:
            os.kill(process, signal.SIGSTOP)


class Browser:
    """A dashboard with its own folder of models, and Chromium in front of it."""

    def __init__(self, **environment: str):
        self._environment = environment
        self.url = f"http://127.0.0.1:{PORT}"

    def __enter__(self) -> "Browser":
        from playwright.sync_api import sync_playwright

        path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
        if path is None:
            sys.exit("Chromium is needed: install it, or name it in CHROMIUM.")
        self._folder = tempfile.TemporaryDirectory()
        self.models = Path(self._folder.name)
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        self._server = subprocess.Popen(
            [*command, f"--server.port={PORT}", "--server.address=127.0.0.1", "--server.fileWatcherType=none"],
            cwd=PROJECT,
            env={**os.environ, "MNISTDASH_MODELS": str(self.models), **self._environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()
        self._server.terminate()
        self._server.wait()
        self._folder.cleanup()

    def processes(self) -> list[int]:
        """All of Chromium's."""
        found = self._browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
        return [process["id"] for process in found["processInfo"]]

    def start(self, recipe: str) -> Path:
        """Start a run as the page's form has it; its folder."""
        page = self.open(f"/train?recipe={recipe}")
        before = set(self.models.iterdir())
        page.locator(".st-key-start button").click()
        while not (new := {folder for folder in self.models.iterdir() if (folder / CONFIG).is_file()} - before):
            time.sleep(0.1)
        page.close()
        return new.pop()

    def new_page(self):
        return self._browser.new_page(viewport={"width": 1280, "height": 1400})

    def open(self, path: str):
        page = self.new_page()
        page.goto(self.url + path)
        page.locator(".st-key-start button").wait_for()
        page.wait_for_timeout(1000)
        return page

    def wait_until_measured(self, page) -> None:
        """Give a process that stands by the time that someone takes who looks at the form."""
        page.wait_for_timeout(30_000)

    def start_to_first_point(self, page, name: str, stand_by: bool) -> float:
        """Click on Start, wait for the run's first point, stop it; seconds from the click to the point."""
        page.evaluate(
            """name => {
              const start = document.querySelector(".st-key-start button");
              window.took = null;
              start.addEventListener("click", () => {
                const clicked = performance.now();
                const timer = setInterval(() => {
                  const chart = document.querySelector(`.st-key-loss_chart [aria-label="Loss of ${name}"]`);
                  if (chart?.querySelector(".scatterlayer .trace path.point, .scatterlayer .trace path.js-line")) {
                    window.took = (performance.now() - clicked) / 1000;
                    clearInterval(timer);
                  }
                }, 10);
              }, { once: true });
            }""",
            name,
        )
        page.locator(".st-key-start button").click()
        page.wait_for_function("() => window.took !== null", timeout=120_000)
        took = page.evaluate("() => window.took")
        page.locator(".st-key-stop button").click()
        folder = self.models / name
        while store.load_run(folder).status in ACTIVE:
            time.sleep(0.2)
        page.wait_for_timeout(15_000 if stand_by else 3_000)  # the next process gets ready, or all is quiet again
        return took


if __name__ == "__main__":
    main()
