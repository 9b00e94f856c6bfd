"""What load.py and soak.py share: a dashboard of their own, and visitors without browsers who use it."""

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
from mnistdash.ui import page

MODEL = "flagship"
PERIOD = 3.0  # seconds from one stroke to the next of a user, and from click to click of the one on Errors
PATIENCE = 30.0  # seconds after which an answer counts as one that never came
MEASURED = 120.0  # seconds in which a new run has reported its first steps, whatever it measures before
READ = 300.0  # seconds in which a split is read
MARGIN = 10.0  # seconds
# Streamlit keeps what it knows of a session that has left, in case it comes back.
KEPT_SESSIONS = inspect.signature(MemorySessionStorage).parameters["ttl_seconds"].default  # seconds


@dataclass(frozen=True)
class Memory:
    """Of one process, in MB: what is resident, and what it shares with no other (None where nobody may read that)."""

    resident: float
    unique: float | None


@dataclass
class Tally:
    """What visitors met.

    Attributes:
        answers: for each answer when its stroke was sent (`time.perf_counter()`) and how long it took (seconds).
        clicks: the same for the clicks on Errors.
        missing: answers and pages that never came.
        wrong: answers that were not what a visitor alone is answered.
        closed: connections that the server closed.
        errors: exceptions and red boxes on pages.
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
        """How much went wrong, and what."""
        counts = {"missing": self.missing, "wrong": self.wrong, "closed": self.closed, "shown": len(self.errors)}
        kinds = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return kinds or "0"

    def between(self, began: float, ended: float) -> "Tally":
        """The same with the answers and clicks of some time only; what went wrong is all in it."""
        answers, clicks = ([one for one in all_ if began <= one[0] < ended] for all_ in (self.answers, self.clicks))
        return replace(self, answers=answers, clicks=clicks)

    def note(self, visitor: Visitor) -> None:
        """Take over what a visitor has met so far."""
        self.errors += [*visitor.exceptions, *visitor.errors]
        self.received += visitor.received
        visitor.exceptions, visitor.errors, visitor.received = [], [], 0


class Dashboard:
    """A running dashboard with a folder of models of its own, in which there is the shipped one.

    Attributes:
        url: of its home page.
        models: its folder of models.
        process: the server, without its children.
    """

    def __init__(self, port: int):
        self._port = port
        self.url = f"http://127.0.0.1:{port}"

    def __enter__(self) -> "Dashboard":
        self._folder = tempfile.TemporaryDirectory()
        self.models = Path(self._folder.name) / "models"
        # Without what people said of its digits.
        shutil.copytree(PROJECT / "models" / MODEL, self.models / MODEL, ignore=shutil.ignore_patterns("marks.json"))
        self._server = serve(PROJECT / "app.py", self._port, MNISTDASH_MODELS=str(self.models))
        self.process = psutil.Process(self._server.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._folder.cleanup()

    def end(self) -> None:
        """End the server as a host would, and wait for it."""
        if self._server.poll() is None:
            self._server.terminate()
            self._server.wait()

    def memory(self) -> Memory:
        """What the server takes now; what its children take is not counted."""
        resident = self.process.memory_info().rss / 1e6
        try:
            return Memory(resident, self.process.memory_full_info().uss / 1e6)
        except (psutil.AccessDenied, AttributeError):
            return Memory(resident, None)

    def processor(self) -> float:
        """Seconds of processor time that the server has used so far, without its children."""
        return _used(self.process)

    def others(self) -> float:
        """Seconds of processor time that the machine has used for other than this process, the server and its children.

        Of children that end between two calls it does not know.
        """
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "steal", 0.0)
        return busy - sum(map(_used, [self.process, psutil.Process(), *self.process.children(recursive=True)]))


def _used(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system


async def warm_up(dashboard: Dashboard, drawn: Sequence[Sketch]) -> dict[str, str]:
    """Use every page alone, so that the server has imported and kept what it will.

    Returns:
        By what the canvas reports, the answer to it.
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
        sys.exit(f"A visitor alone met this: {tally.failures} {tally.errors[:3]}")
    return answers


async def leave(dashboard: Dashboard) -> None:
    """Wait until the server has forgotten the sessions that have left, and given back what that freed."""
    await asyncio.sleep(KEPT_SESSIONS + MARGIN)
    for _ in range(2):  # it forgets them when the next one leaves, and collects the garbage when the one after runs
        async with Visitor(dashboard.url) as visitor:
            await visitor.open(f"/draw?model={MODEL}")
    await asyncio.sleep(page.TIDY + MARGIN)


async def start_run(dashboard: Dashboard, recipe: str, **settings: object) -> Path:
    """Start a run on the Train page and leave; return its folder."""
    async with Visitor(dashboard.url) as visitor:
        return await start(dashboard, visitor, recipe, **settings)


async def start(dashboard: Dashboard, visitor: Visitor, recipe: str, **settings: object) -> Path:
    """Press Start on the Train page and stay; return the run's folder.

    Args:
        settings: what to write into the recipe's fields, `epochs=3`.
    """
    before = set(dashboard.models.iterdir())
    fields = "".join(f"&{name}-{recipe}={value}" for name, value in settings.items())
    await visitor.open(f"/train?recipe={recipe}{fields}")
    await visitor.press("start")
    new = [path for path in dashboard.models.iterdir() if path not in before and (path / run.CONFIG).exists()]
    if not new:
        sys.exit(f"The run did not start. The Train page said: {visitor.errors + visitor.exceptions}")
    return new[0]


async def until_it_trains(folder: Path) -> None:
    """Wait for a run's first steps."""
    async with asyncio.timeout(MEASURED):
        while not History.from_events(events.read_events(folder)[0]).batches:
            await asyncio.sleep(0.2)


def has_ended(folder: Path) -> bool:
    return status(folder) not in run.ACTIVE


def status(folder: Path) -> str:
    """What has become of a run."""
    return store.load_run(folder).status


def elapsed(folder: Path) -> float:
    """Seconds in a run's own time at which it reported last."""
    return events.read_events(folder)[0][-1]["elapsed"]


def speed(folder: Path, began: float, ended: float) -> float:
    """Images per second of a run between two moments of its own time, validation included; NaN if it reported none."""
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
    """A user who draws one digit after the other, a stroke every PERIOD seconds, and clears the canvas between them.

    Args:
        number: of the user: each draws the digits in an order of one's own.
        drawn: what is drawn.
        answers: of `warm_up`.
        tally: what was met is added to.
        stop: when to leave for good.
        stay: seconds after which the user leaves, and comes back as another.
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
    """One stroke, and its answer."""
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
    """Press Clear; the canvas then reports that it is empty."""
    await visitor.press("clear", PATIENCE)
    await visitor.choose("drawing", sketches.value([]), PATIENCE)


async def browse(url: str, tally: Tally, stop: asyncio.Event, rounds: int | None = None) -> None:
    """A user of Errors, with a click every PERIOD seconds.

    A round is: all digits, the second page, a cell of the matrix, a digit of its gallery, the next one, back.
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
    """Let a visitor do something, and count what goes wrong instead of ending."""
    async with Visitor(url) as visitor:
        try:
            await visit(visitor)
        except TimeoutError:
            tally.missing += 1
        except (Gone, OSError):
            tally.closed += 1
            await pause(stop, PERIOD)  # as a browser, which tries again
        except KeyError as key:
            tally.errors.append(f"There is no {key} on the page.")
            await pause(stop, PERIOD)
        finally:
            tally.note(visitor)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not when it is time to stop."""
    if seconds > 0:
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return
