"""Whether the dashboard's memory stays where it is while people use it and runs train, one after the other.

    python benchmarks/soak.py [--minutes 20] [--users 5]

Some users draw a stroke every three seconds; each leaves after a while and comes back with a new session. One goes
through Errors with a click every three seconds, and one stays on the Train page, starts a short run, watches it to its
end, and starts the next. Prints the server's memory (resident, and what no other process shares) minute by minute, then
how much it grew in ten minutes by the line that fits best what was measured every ten seconds after a warm-up of a
quarter of the time. In the end the server is told to end while a run trains; what is left of all the processes that it
ever started is printed, too.

The runs stay: each is one more in the lists that every page shows and reads.
"""

import argparse
import asyncio
import contextlib
import itertools
import time
from dataclasses import dataclass, field

import crowd
import numpy as np
import psutil
import sketches
from crowd import Dashboard, Memory, Tally
from protocol import Visitor

from mnistdash.runs import run

PORT = 8594
RECIPES = ("express", "softmax", "softmax-naive")  # none takes more than seconds once it trains
LAST, EPOCHS = "keras-cnn", 1000  # the run that is going on in the end
STAY = 90.0  # seconds that a user draws before leaving; shorter than Streamlit keeps the session of who has left
SAMPLE = 10.0  # seconds between two looks at the server
WARM_UP = 0.25  # of all the time
LOOK = 0.5  # seconds between two looks whether a run has ended
LONGEST = 300.0  # seconds that such a run may take
GONE = 5.0  # seconds that processes have to be gone when the server has ended
MINUTES = 60.0  # seconds


@dataclass
class Watched:
    """What was seen of the server.

    Attributes:
        samples: seconds since the beginning, and its memory then.
        children: processes that it had started, as far as they lived long enough to be seen.
        finished: runs that ended as they should.
        failed: what other runs ended as.
    """

    samples: list[tuple[float, Memory]] = field(default_factory=list)
    children: set[psutil.Process] = field(default_factory=set)
    finished: int = 0
    failed: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--users", type=int, default=5, help="how many draw")
    options = parser.parse_args()
    with Dashboard(PORT) as dashboard:
        watched = asyncio.run(use(dashboard, options.minutes * MINUTES, options.users))
        began = time.monotonic()
        dashboard.end()
        took = time.monotonic() - began
        time.sleep(GONE)
        left = [process for process in watched.children if is_alive(process)]
    print(
        f"\nThe server took {took:.1f} s to end while a run trained. Of {len(watched.children)} processes of its own "
        f"that were seen, {len(left)} were left after {GONE:g} s more."
    )


async def use(dashboard: Dashboard, seconds: float, users: int) -> Watched:
    """Let users come and runs train, and look on."""
    drawn = sketches.digits()
    answers = await crowd.warm_up(dashboard, drawn)
    tally, watched, stop = Tally(), Watched(), asyncio.Event()
    print("| minute | resident | not shared | answers | failures | runs finished |\n" + "|---" * 6 + "|", flush=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.browse(dashboard.url, tally, stop))
        group.create_task(train(dashboard, tally, watched, stop))
        for number in range(users):
            group.create_task(crowd.draw(dashboard, number, drawn, answers, tally, stop, STAY))
        await look_on(dashboard, tally, watched, seconds)
        stop.set()
    await crowd.until_training(await crowd.start_run(dashboard, LAST, epochs=EPOCHS))
    look_for_children(dashboard, watched)
    summary(tally, watched, seconds)
    return watched


async def train(dashboard: Dashboard, tally: Tally, watched: Watched, stop: asyncio.Event) -> None:
    """Start one short run after the other and watch each to its end."""
    for recipe in itertools.cycle(RECIPES):

        async def visit(visitor: Visitor, recipe: str = recipe) -> None:
            folder = await crowd.start(dashboard, visitor, recipe)
            await visitor.until(lambda: stop.is_set() or crowd.has_ended(folder), LONGEST)
            status = crowd.status(folder)
            if status == "finished":
                watched.finished += 1
            elif status not in run.ACTIVE:
                watched.failed.append(f"{folder.name} {status}")

        await crowd.guarded(dashboard.url, visit, tally, stop)
        if stop.is_set():
            return


async def look_on(dashboard: Dashboard, tally: Tally, watched: Watched, seconds: float) -> None:
    """Look at the server from time to time, and print a row each minute."""
    began = time.perf_counter()
    for number in itertools.count():
        now = number * SAMPLE
        if now > seconds:
            return
        await asyncio.sleep(max(0.0, began + now - time.perf_counter()))
        memory = await asyncio.to_thread(dashboard.memory)
        watched.samples.append((now, memory))
        look_for_children(dashboard, watched)
        if now % MINUTES < SAMPLE:
            unique = "–" if memory.unique is None else f"{memory.unique:.0f} MB"
            print(
                f"| {now / MINUTES:.0f} | {memory.resident:.0f} MB | {unique} | {len(tally.answers):,} | "
                f"{tally.failures} | {watched.finished} |",
                flush=True,
            )


def look_for_children(dashboard: Dashboard, watched: Watched) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        watched.children.update(dashboard.process.children(recursive=True))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def summary(tally: Tally, watched: Watched, seconds: float) -> None:
    """Print how much the memory grew, and what was done meanwhile."""
    late = [(moment, memory) for moment, memory in watched.samples if moment >= WARM_UP * seconds]
    print("\n| after the warm-up | MB in 10 minutes |\n|---|---|")
    for name, amounts in (
        ("resident", [memory.resident for _, memory in late]),
        ("not shared", [memory.unique for _, memory in late]),
    ):
        known = len(amounts) > 1 and None not in amounts
        print(f"| {name} | {growth([moment for moment, _ in late], amounts):+.1f} |" if known else f"| {name} | – |")
    print(
        f"\n{len(tally.answers):,} answers, {len(tally.clicks):,} clicks on Errors, {watched.finished} runs finished, "
        f"{len(watched.failed)} did not. Failures: {tally.failures}."
    )
    for text in sorted({*tally.errors, *watched.failed}):
        print(f"- {text}")


def growth(moments: list[float], amounts: list[float]) -> float:
    """By how much something grows in ten minutes, by the straight line that fits best; moments are in seconds."""
    return float(np.polyfit(moments, amounts, 1)[0]) * 10 * MINUTES


if __name__ == "__main__":
    main()
