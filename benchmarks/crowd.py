"""Dashboard with its own models folder, and visitors without browsers, for load.py, soak.py and start.py."""

import asyncio
import inspect
import itertools
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

import sketches
from protocol import Gone, Visitor
from serving import serve
from sketches import Sketch
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from mnistdash.data import dataset
from mnistdash.runs import events, run, store
from mnistdash.runs.history import History
from mnistdash.settings import PROJECT
from mnistdash.ui import resources

MODEL = "flagship"
PERIOD = 3.0  # seconds between two strokes or clicks of a user
PATIENCE = 30.0  # seconds until a prediction counts as missing
MEASURED = 120.0  # seconds until a new run reports its first steps
READ = 300.0  # seconds until a split is predicted
MARGIN = 10.0  # seconds
# Streamlit keeps a closed session in case it reconnects.
SESSION_LIFETIME = inspect.signature(MemorySessionStorage).parameters["ttl_seconds"].default  # seconds


@dataclass(frozen=True)
class Memory:
    """Memory of one process in MB: resident, and unshared (None without permission to read it)."""

    resident: float
    unique: float | None


@dataclass
class Tally:
    """Results of visitors.

    Attributes:
        answers: when each stroke was sent (`time.perf_counter()`), and the seconds until its prediction.
        clicks: the same for clicks on Errors.
        missing: predictions and pages that did not arrive.
        wrong: predictions that differ from those of a single visitor.
        closed: connections closed by the server.
        errors: exceptions and error boxes on pages.
        received: bytes.
    """

    answers: list[tuple[float, float]] = field(default_factory=list)
    clicks: list[tuple[float, float]] = field(default_factory=list)
    missing: int = 0
    wrong: int = 0
    closed: int = 0
    errors: list[str] = field(default_factory=list)
    received: int = 0

    @property
    def failures(self) -> str:
        """The number of failures of each kind, or "0"."""
        counts = {"missing": self.missing, "wrong": self.wrong, "closed": self.closed, "shown": len(self.errors)}
        kinds = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return kinds or "0"

    def between(self, began: float, ended: float) -> "Tally":
        """Return a copy with the predictions and clicks of a time span, and all failures."""
        answers, clicks = ([one for one in all_ if began <= one[0] < ended] for all_ in (self.answers, self.clicks))
        return replace(self, answers=answers, clicks=clicks)

    def note(self, visitor: Visitor) -> None:
        """Add the results of a visitor."""
        self.errors += [*visitor.exceptions, *visitor.errors]
        self.received += visitor.received
        visitor.exceptions, visitor.errors, visitor.received = [], [], 0


class Dashboard:
    """Running dashboard with its own models folder, which contains the shipped model.

    Attributes:
        url: address of the home page.
        models: models folder.
        process: the server, without its children.
    """

    def __init__(self, port: int):
        self._port = port
        self.url = f"http://127.0.0.1:{port}"

    def __enter__(self) -> "Dashboard":
        self._folder = tempfile.TemporaryDirectory()
        self.models = Path(self._folder.name) / "models"
        shutil.copytree(PROJECT / "models" / MODEL, self.models / MODEL, ignore=shutil.ignore_patterns("marks.json"))
        self._server = serve(PROJECT / "app.py", self._port, MNISTDASH_MODELS=str(self.models))
        self.process = psutil.Process(self._server.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._folder.cleanup()

    def end(self) -> None:
        """Terminate the server and wait for its end."""
        if self._server.poll() is None:
            self._server.terminate()
            self._server.wait()

    def memory(self) -> Memory:
        """Return the current memory of the server, without its children."""
        resident = self.process.memory_info().rss / 1e6
        try:
            return Memory(resident, self.process.memory_full_info().uss / 1e6)
        except (psutil.AccessDenied, AttributeError):
            return Memory(resident, None)

    def processor(self) -> float:
        """Return the processor seconds of the server so far, without its children."""
        return _used(self.process)

    def others(self) -> float:
        """Return the processor seconds of unrelated processes.

        Children that end between two calls count as unrelated.
        """
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "steal", 0.0)
        return busy - sum(map(_used, [self.process, psutil.Process(), *self.process.children(recursive=True)]))


def _used(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system


async def warm_up(dashboard: Dashboard, drawn: Sequence[Sketch]) -> dict[str, str]:
    """Use every page once, which fills all caches of the server.

    Returns:
        The prediction for each value of the canvas.
    """
    answers = {}
    async with Visitor(dashboard.url) as visitor:
        await visitor.open("/")
        for split in dataset.SPLITS:
            await visitor.open(f"/errors?model={MODEL}&split={split}")
            await visitor.until(lambda: "gallery" in visitor.widgets, READ)
        await visitor.follow("train")
        await visitor.open(f"/draw?model={MODEL}")
        for sketch in drawn:
            for value in sketch.values:
                await visitor.choose("drawing", value)
                answers[value] = visitor.text("prediction")
            await _clear(visitor)
    tally = Tally()
    await browse(dashboard.url, tally, asyncio.Event(), rounds=1)
    if tally.failures != "0":
        sys.exit(f"A single visitor had failures: {tally.failures} {tally.errors[:3]}")
    return answers


async def leave(dashboard: Dashboard) -> None:
    """Wait until the server has dropped closed sessions and returned their memory."""
    await asyncio.sleep(SESSION_LIFETIME + MARGIN)
    for _ in range(2):  # the first disconnect drops the sessions, the second visit collects garbage
        async with Visitor(dashboard.url) as visitor:
            await visitor.open(f"/draw?model={MODEL}")
    await asyncio.sleep(resources.TRIM_SECONDS + MARGIN)


async def start_run(dashboard: Dashboard, recipe: str, **settings: object) -> Path:
    """Start a run on the Train page, disconnect, and return its folder."""
    async with Visitor(dashboard.url) as visitor:
        return await start(dashboard, visitor, recipe, **settings)


async def start(dashboard: Dashboard, visitor: Visitor, recipe: str, **settings: object) -> Path:
    """Press Start on the Train page and return the run's folder.

    Args:
        dashboard: the running dashboard.
        visitor: a connected visitor.
        recipe: name of the recipe.
        **settings: values for the fields of the form, such as `epochs=3`.
    """
    before = set(dashboard.models.iterdir())
    fields = "".join(f"&{name}-{recipe}={value}" for name, value in settings.items())
    await visitor.open(f"/train?recipe={recipe}{fields}")
    await visitor.press("start")
    new = [path for path in dashboard.models.iterdir() if path not in before and (path / run.CONFIG).exists()]
    if not new:
        sys.exit(f"The run did not start. The Train page said: {visitor.errors + visitor.exceptions}")
    return new[0]


async def until_training(folder: Path) -> None:
    """Wait for the first steps of a run."""
    async with asyncio.timeout(MEASURED):
        while not History().extended(events.read_events(folder)[0]).batches:
            await asyncio.sleep(0.2)


def has_ended(folder: Path) -> bool:
    """Return True if a run has ended."""
    return status(folder) not in run.ACTIVE


def status(folder: Path) -> str:
    """Return the status of a run."""
    return store.load_run(folder).status


def elapsed(folder: Path) -> float:
    """Return the run time of the last event, in seconds."""
    return events.read_events(folder)[0][-1]["elapsed"]


def speed(folder: Path, began: float, ended: float) -> float:
    """Return images per second between two run times, validation included; NaN without batch events."""
    found = events.read_events(folder)[0]
    batch_size = next(event["batch_size"] for event in found if event["event"] == "fitting")
    batches = [event for event in found if event["event"] == "batch" and began <= event["elapsed"] <= ended]
    if len(batches) < 2:
        return float("nan")
    first, last = batches[0], batches[-1]
    return (last["step"] - first["step"]) * batch_size / (last["elapsed"] - first["elapsed"])


async def draw(
    dashboard: Dashboard,
    number: int,
    drawn: Sequence[Sketch],
    answers: dict[str, str],
    tally: Tally,
    stop: asyncio.Event,
    stay: float = float("inf"),
) -> None:
    """Draw digits, one stroke every PERIOD seconds, and clear the canvas after each digit.

    Args:
        dashboard: the running dashboard.
        number: seed of the order of digits.
        drawn: the digits to draw.
        answers: expected predictions, from `warm_up`.
        tally: collects the results.
        stop: ends the user.
        stay: seconds until the user disconnects and starts a new session.
    """
    chance = np.random.default_rng(number)
    order = itertools.chain.from_iterable(iter(lambda: chance.permutation(len(drawn)).tolist(), None))
    await pause(stop, chance.uniform(0, PERIOD))
    while not stop.is_set():

        async def visit(visitor: Visitor) -> None:
            await visitor.open(f"/draw?model={MODEL}", PATIENCE)
            due = began = time.perf_counter()
            while not stop.is_set() and time.perf_counter() - began < stay:
                for value in drawn[next(order)].values:
                    await pause(stop, due - time.perf_counter())
                    if stop.is_set():
                        return
                    due = max(due, time.perf_counter()) + PERIOD
                    await _stroke(visitor, value, answers[value], tally)
                await pause(stop, due - PERIOD / 2 - time.perf_counter())
                await _clear(visitor)

        await guarded(dashboard.url, visit, tally, stop)


async def _stroke(visitor: Visitor, value: str, expected: str, tally: Tally) -> None:
    """Send one stroke and wait for its prediction."""
    sent = time.perf_counter()
    try:
        await visitor.choose("drawing", value, PATIENCE)
    except TimeoutError:
        tally.missing += 1
        return
    arrived = max(node.arrived for node in visitor.screen.inside("prediction"))
    if arrived < sent:
        tally.missing += 1
    else:
        tally.answers.append((sent, arrived - sent))
        tally.wrong += visitor.text("prediction") != expected


async def _clear(visitor: Visitor) -> None:
    """Press Clear and send the empty canvas, as the component does."""
    await visitor.press("clear", PATIENCE)
    await visitor.choose("drawing", sketches.value([]), PATIENCE)


async def browse(url: str, tally: Tally, stop: asyncio.Event, rounds: int | None = None) -> None:
    """Click on Errors every PERIOD seconds.

    A round opens all digits, page 2, a cell of the matrix, a digit in its gallery and the next one, and returns.
    """

    async def visit(visitor: Visitor) -> None:
        for _ in itertools.count() if rounds is None else range(rounds):
            steps: tuple[Callable[[], Awaitable[None]], ...] = (
                lambda: visitor.open(f"/errors?model={MODEL}&show=all", PATIENCE),
                lambda: visitor.choose("page-1", 2, PATIENCE),
                lambda: visitor.pick("matrix", "4,4", timeout=PATIENCE),
                lambda: visitor.pick("gallery", _first_digit(visitor), timeout=PATIENCE),
                lambda: visitor.press("next", PATIENCE),
                lambda: visitor.press("back", PATIENCE),
            )
            for step in steps:
                if stop.is_set():
                    return
                began = time.perf_counter()
                await step()
                tally.clicks.append((began, time.perf_counter() - began))
                await pause(stop, PERIOD - (time.perf_counter() - began) if rounds is None else 0)

    while not stop.is_set():
        await guarded(url, visit, tally, stop)
        if rounds is not None:
            return


def _first_digit(visitor: Visitor) -> str:
    return re.search(r'data-pick="(\d+)"', json.loads(visitor.widgets["gallery"].proto.json)["html"])[1]


async def guarded(url: str, visit: Callable[[Visitor], Awaitable[None]], tally: Tally, stop: asyncio.Event) -> None:
    """Run a visit and count its failures."""
    async with Visitor(url) as visitor:
        try:
            await visit(visitor)
        except TimeoutError:
            tally.missing += 1
        except (Gone, OSError):
            tally.closed += 1
            await pause(stop, PERIOD)  # a browser also waits before it reconnects
        except KeyError as key:
            tally.errors.append(f"{key} is not on the page.")
            await pause(stop, PERIOD)
        finally:
            tally.note(visitor)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for some seconds, or until `stop` is set."""
    if seconds > 0:
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return
