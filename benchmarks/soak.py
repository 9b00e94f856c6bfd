"""Measure the server's memory while visitors use the dashboard and short runs train in sequence.

    python benchmarks/soak.py [--minutes 20] [--users 5]

Some users draw a stroke every three seconds; each leaves after a while and returns in a new session. One user clicks on
Errors every three seconds, and another one starts short runs on Train and watches each until it ends.

Prints the server's resident and unshared memory every minute, then its growth in ten minutes: the slope of a line
fitted to samples every ten seconds after a warm-up of a quarter of the time. Then stops the server while a run trains,
and prints its surviving child processes.

Runs are not deleted, so every page lists more and more of them.
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
RECIPES = ("express", "softmax", "softmax-naive")  # each trains within seconds
LAST_RECIPE, LAST_EPOCHS = "keras-cnn", 1000  # trains when the server stops
STAY_SECONDS = 90.0  # until a user leaves; Streamlit keeps the session for longer
SAMPLE_SECONDS = 10.0  # between two samples
WARM_UP = 0.25  # share of the time
MAX_RUN_SECONDS = 300.0
EXIT_SECONDS = 5.0  # for children to exit after the server
MINUTE = 60.0  # seconds


@dataclass
class Observations:
    """Measurements of the server.

    Attributes:
        samples: seconds since the start, and the memory then.
        children: child processes that lived long enough to be seen.
        finished: number of runs that finished.
        failed: name and status of the other runs.
    """

    samples: list[tuple[float, Memory]] = field(default_factory=list)
    children: set[psutil.Process] = field(default_factory=set)
    finished: int = 0
    failed: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--users", type=int, default=5, help="users who draw")
    options = parser.parse_args()
    with Dashboard(PORT) as dashboard:
        observed = asyncio.run(use(dashboard, options.minutes * MINUTE, options.users))
        started = time.monotonic()
        dashboard.end()
        seconds = time.monotonic() - started
        time.sleep(EXIT_SECONDS)
        left = [process for process in observed.children if is_alive(process)]
    print(
        f"\nThe server stopped in {seconds:.1f} s while a run trained. {len(left)} of {len(observed.children)} child "
        f"processes were left after {EXIT_SECONDS:g} s."
    )


async def use(dashboard: Dashboard, seconds: float, users: int) -> Observations:
    """Run all users for some seconds, then start the last run."""
    drawn = sketches.digits()
    answers = await crowd.warm_up(dashboard, drawn)
    tally, observed, stop = Tally(), Observations(), asyncio.Event()
    print("| minute | resident | unshared | predictions | failures | runs finished |\n" + "|---" * 6 + "|", flush=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.browse(dashboard.url, tally, stop))
        group.create_task(train(dashboard, tally, observed, stop))
        for number in range(users):
            group.create_task(crowd.draw(dashboard, number, drawn, answers, tally, stop, STAY_SECONDS))
        await measure(dashboard, tally, observed, seconds)
        stop.set()
    await crowd.until_training(await crowd.start_run(dashboard, LAST_RECIPE, epochs=LAST_EPOCHS))
    find_children(dashboard, observed)
    summary(tally, observed, seconds)
    return observed


async def train(dashboard: Dashboard, tally: Tally, observed: Observations, stop: asyncio.Event) -> None:
    """Start short runs and watch each until it ends."""
    for recipe in itertools.cycle(RECIPES):

        async def visit(visitor: Visitor, recipe: str = recipe) -> None:
            folder = await crowd.start(dashboard, visitor, recipe)
            await visitor.until(lambda: stop.is_set() or crowd.has_ended(folder), MAX_RUN_SECONDS)
            status = crowd.status(folder)
            if status == "finished":
                observed.finished += 1
            elif status not in run.ACTIVE:
                observed.failed.append(f"{folder.name} {status}")

        await crowd.guarded(dashboard.url, visit, tally, stop)
        if stop.is_set():
            return


async def measure(dashboard: Dashboard, tally: Tally, observed: Observations, seconds: float) -> None:
    """Sample the server's memory, and print a row every minute."""
    started = time.perf_counter()
    for number in itertools.count():
        now = number * SAMPLE_SECONDS
        if now > seconds:
            return
        await asyncio.sleep(max(0.0, started + now - time.perf_counter()))
        memory = await asyncio.to_thread(dashboard.memory)
        observed.samples.append((now, memory))
        find_children(dashboard, observed)
        if now % MINUTE < SAMPLE_SECONDS:
            unique = "–" if memory.unique is None else f"{memory.unique:.0f} MB"
            print(
                f"| {now / MINUTE:.0f} | {memory.resident:.0f} MB | {unique} | {len(tally.answers):,} | "
                f"{tally.failures} | {observed.finished} |",
                flush=True,
            )


def find_children(dashboard: Dashboard, observed: Observations) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        observed.children.update(dashboard.process.children(recursive=True))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def summary(tally: Tally, observed: Observations, seconds: float) -> None:
    """Print the growth of memory and the totals of visitors and runs."""
    late = [(moment, memory) for moment, memory in observed.samples if moment >= WARM_UP * seconds]
    print("\n| after the warm-up | MB in 10 minutes |\n|---|---|")
    for name, amounts in (
        ("resident", [memory.resident for _, memory in late]),
        ("unshared", [memory.unique for _, memory in late]),
    ):
        known = len(amounts) > 1 and None not in amounts
        print(f"| {name} | {growth([moment for moment, _ in late], amounts):+.1f} |" if known else f"| {name} | – |")
    print(
        f"\n{len(tally.answers):,} predictions, {len(tally.clicks):,} clicks on Errors, {observed.finished} finished "
        f"and {len(observed.failed)} other runs. Failures: {tally.failures}."
    )
    for text in sorted({*tally.errors, *observed.failed}):
        print(f"- {text}")


def growth(moments: list[float], amounts: list[float]) -> float:
    """Return the growth in ten minutes of a line fitted to amounts at times in seconds."""
    return float(np.polyfit(moments, amounts, 1)[0]) * 10 * MINUTE


if __name__ == "__main__":
    main()
