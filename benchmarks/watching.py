"""Measure the time from Start to the first point on Train, and the cost of three tabs that watch a run.

    python benchmarks/watching.py [--parts start,watching]

start     time from the click on Start to the first point in the chart in Chromium, with and without a warm process
watching  images per second while three tabs on other machines watch a run (clients that send the same requests and draw
          nothing), or three tabs of Chromium on the same cores. Nobody watches in every other turn, because the speed
          of the machine varies more within a minute than a tab costs

Takes about half an hour on two cores.
"""

import argparse
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from training import WARM_UP, of_kind

from mnistdash.runs import events, store
from mnistdash.runs.run import ACTIVE, CONFIG
from mnistdash.settings import PROJECT

PORT = 8596
TABS = 3
RUNS = 3  # per kind of watchers
TURN = 15  # seconds with or without watchers
LOADING = 10  # seconds until pages are loaded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="start,watching")
    parts = {"start": start, "watching": watching}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for name in parser.parse_args().parts.split(","):
            parts[name]()
            print(flush=True)


def start() -> None:
    print("| Start to the first point, medians of 5 | seconds |")
    print("|---|---|")
    for stand_by, label in (("0", "new process"), ("1", "warm process")):
        with Browser(MNISTDASH_STAND_BY=stand_by) as browser:
            page = browser.open("/train?recipe=express")
            page.wait_for_timeout(1000 * WARM_UP if stand_by == "1" else 0)
            took = [browser.start_to_first_point(page, f"express-{k + 1}", stand_by == "1") for k in range(5)]
        print(
            f"| {label} | {statistics.median(took):.2f} ({', '.join(f'{seconds:.2f}' for seconds in took)}) |",
            flush=True,
        )


def watching() -> None:
    print("| who watches a `keras-cnn` run | turns | images/s | ratio | half of the turns |")
    print("|---|---|---|---|---|")
    with Browser(MNISTDASH_STAND_BY="0") as browser:
        for label, watchers in (
            ("three clients without a browser", Listeners),
            ("three tabs of Chromium on the same cores", Tabs),
        ):
            turns = [turn for _ in range(RUNS) for turn in watched(browser, watchers)]
            speeds, ratios = zip(*turns, strict=True)
            low, middle, high = (f"{ratio:.3f}" for ratio in statistics.quantiles(ratios, n=4))
            cells = [label, str(len(turns)), f"{statistics.median(speeds):,.0f}", middle, f"{low} to {high}"]
            print(f"| {' | '.join(cells)} |", flush=True)


def watched(browser: "Browser", watchers: "type[Listeners | Tabs]") -> list[tuple[float, float]]:
    """Watch a run every other turn; return each turn's images per second and its ratio to the mean of its neighbors."""
    folder = browser.start("keras-cnn")
    with watchers(browser, folder.name) as present:
        while not of_kind(folder, "batch"):
            time.sleep(0.2)
        time.sleep(LOADING)
        speeds: list[float] = []
        while True:
            present.look() if len(speeds) % 2 else present.rest()
            time.sleep(1)  # for pending requests
            began = events.read_events(folder)[0][-1]["elapsed"]
            time.sleep(TURN)
            if of_kind(folder, "batch")[-1]["elapsed"] < began + TURN - 2:
                break  # the run ended during the turn
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
    """Three clients that send the requests of a browser tab and draw nothing, like tabs on other machines."""

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

        timers: dict[str, tuple[float, float]] = {}  # by fragment: interval in seconds, time of the next rerun
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
    """Three tabs of Chromium, whose processes are paused while nobody watches."""

    def __init__(self, browser: "Browser", run: str):
        self._browser = browser
        self._paused: list[int] = []  # process ids
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
        while self._paused:
            os.kill(self._paused.pop(), signal.SIGCONT)

    def rest(self) -> None:
        self._paused = self._browser.processes()
        for process in self._paused:
            os.kill(process, signal.SIGSTOP)


class Browser:
    """Dashboard with a new models folder, and Chromium."""

    def __init__(self, **environment: str):
        self._environment = environment
        self.url = f"http://127.0.0.1:{PORT}"

    def __enter__(self) -> "Browser":
        from playwright.sync_api import sync_playwright

        path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
        if path is None:
            sys.exit("Chromium is required: install it, or set CHROMIUM to its path.")
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
        """Return the process ids of Chromium."""
        found = self._browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
        return [process["id"] for process in found["processInfo"]]

    def start(self, recipe: str) -> Path:
        """Start a run with default settings and return its folder."""
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

    def start_to_first_point(self, page, name: str, stand_by: bool) -> float:
        """Start a run, wait for its first point, stop it, and return the seconds from the click to the point."""
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
        page.wait_for_timeout(15_000 if stand_by else 3_000)  # until the next process is warm
        return took


if __name__ == "__main__":
    main()
