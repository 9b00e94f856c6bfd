"""Measure the dashboard with many users while a run trains.

    python benchmarks/load.py [--users 1,10,30,50] [--seconds 180] [--chromium]

A run trains all the time. Each user draws a stroke every three seconds in a separate session, and one more clicks on
Errors every three seconds. Then all leave, and the server gets time to drop their sessions. Prints one table:

stroke to prediction   from sending the canvas's value to the message with the new prediction. In a browser, the
                       canvas's debounce of 200 ms and the rendering come on top.
click on Errors        from the click to the end of the script run
failures               missing predictions, wrong ones (different from those of a single visitor), closed connections,
                       and exceptions or error boxes on pages
memory                 medians of the server's resident and unshared memory. "Per session" is the difference to the
                       previous row per additional session.
processor              cores used by the server process
training               images per second of the run including validation, and the ratio to the first row
after                  memory after all sessions were dropped, minus that of the first row, which follows one visit to
                       every page

The visitors are protocol clients on the cores of the server and the run. The last line names the cores that they and
unrelated processes use; the latter should use none, because a run trains at low priority. Takes `seconds` plus about
three minutes per number of users.

--chromium measures one user's time from pen up to the new prediction in Chromium, as benchmarks/draw.py does, while the
run trains and one user clicks through Errors.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import crowd
import numpy as np
import sketches
from crowd import Dashboard, Memory, Tally
from sketches import Sketch

PORT = 8595
RECIPE, EPOCHS = "keras-cnn", 1000  # maximum, takes hours
SETTLE = 5.0  # seconds between the last arrival and the measurement
ARRIVAL = 0.2  # seconds between two arrivals
SAMPLE = 2.0  # seconds between two memory samples
STROKES = 30  # in Chromium


@dataclass(frozen=True)
class Row:
    """Measurements with a number of users."""

    users: int
    sessions: int
    window: tuple[float, float]  # start and end, by time.perf_counter()
    tally: Tally
    memory: Memory
    processor: float  # cores
    visitors: float  # cores used by the visitors
    others: float  # cores used by unrelated processes
    speed: float  # images per second


def main() -> None:
    """Measure each number of users and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", default="1,10,30,50", help="numbers of drawing users, measured in turn")
    parser.add_argument("--seconds", type=float, default=180, help="duration of each measurement")
    parser.add_argument("--chromium", action="store_true", help="also measure one user in Chromium")
    options = parser.parse_args()
    users = [int(number) for number in options.users.split(",")]
    with Dashboard(PORT) as dashboard:
        asyncio.run(measure(dashboard, users, options.seconds, options.chromium))


async def measure(dashboard: Dashboard, users: Sequence[int], seconds: float, chromium: bool) -> None:
    """Measure without users, then with each number of users, and print the rows."""
    drawn = sketches.digits()
    answers = await crowd.warm_up(dashboard, drawn)
    run = await crowd.start_run(dashboard, RECIPE, epochs=EPOCHS)
    await crowd.until_training(run)
    await crowd.leave(dashboard)
    idle = await observe(dashboard, run, Tally(), 0, 0, seconds)
    print(
        "| users | predictions | stroke to prediction, median | 95% within | click on Errors, median | failures | "
        "memory, resident | unshared | per session | processor | training, images/s | ratio | after: resident | "
        "unshared |\n" + "|---" * 14 + "|"
    )
    print(cells(idle, idle, idle, None), flush=True)
    rows = [idle]
    for count in users:
        row = await with_users(dashboard, run, drawn, answers, count, seconds)
        await crowd.leave(dashboard)
        print(cells(row, rows[-1], idle, dashboard.memory()), flush=True)
        rows.append(row)
    if chromium:
        took = await in_chromium(dashboard)
        print(f"\nIn Chromium, pen up to prediction for one user: {took:.0f} ms, median of {STROKES}.")
    print(
        f"\nA stroke every {crowd.PERIOD:g} s, {seconds:g} s per row. The server keeps a session for "
        f"{crowd.SESSION_LIFETIME:g} s. The visitors used up to {max(row.visitors for row in rows):.2f} cores, "
        f"unrelated processes up to {max(row.others for row in rows):.2f}."
    )


async def with_users(
    dashboard: Dashboard, run: Path, drawn: Sequence[Sketch], answers: dict[str, str], count: int, seconds: float
) -> Row:
    """Connect users, measure, and disconnect the users."""
    tally, stop = Tally(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.browse(dashboard.url, tally, stop))
        for number in range(count):
            group.create_task(crowd.draw(dashboard, number, drawn, answers, tally, stop))
            await asyncio.sleep(ARRIVAL)
        await asyncio.sleep(crowd.PERIOD + SETTLE)
        row = await observe(dashboard, run, tally, count, count + 1, seconds)
        stop.set()
    # The last predictions have arrived.
    return replace(row, tally=tally.between(*row.window))


async def observe(dashboard: Dashboard, run: Path, tally: Tally, users: int, sessions: int, seconds: float) -> Row:
    """Sample memory, processor time and training speed for some seconds."""
    began, moment = time.perf_counter(), crowd.elapsed(run)
    server, visitors, others = dashboard.processor(), time.process_time(), dashboard.others()
    memory = []
    while (left := began + seconds - time.perf_counter()) > 0:
        memory.append(await asyncio.to_thread(dashboard.memory))
        await asyncio.sleep(min(SAMPLE, left))
    took = time.perf_counter() - began
    unique = [one.unique for one in memory if one.unique is not None]
    return Row(
        users,
        sessions,
        (began, began + took),
        tally,
        Memory(statistics.median(one.resident for one in memory), statistics.median(unique) if unique else None),
        (dashboard.processor() - server) / took,
        (time.process_time() - visitors) / took,
        (dashboard.others() - others) / took,
        crowd.speed(run, moment, crowd.elapsed(run)),
    )


def cells(row: Row, last: Row, idle: Row, after: Memory | None) -> str:
    """Return a row of the table."""
    answers = [1000 * seconds for _, seconds in row.tally.answers]
    clicks = [1000 * seconds for _, seconds in row.tally.clicks]
    more, grown = row.sessions - last.sessions, less(row.memory, last.memory)
    texts = [
        f"{row.users}",
        f"{len(answers):,}",
        f"{statistics.median(answers):.0f} ms" if answers else "–",
        f"{np.percentile(answers, 95):.0f} ms" if answers else "–",
        f"{statistics.median(clicks):.0f} ms" if clicks else "–",
        row.tally.failures,
        megabytes(row.memory.resident),
        megabytes(row.memory.unique),
        "–" if more <= 0 or grown.unique is None else f"{grown.unique / more:.2f} MB",
        f"{row.processor:.2f}",
        f"{row.speed:,.0f}",
        f"{row.speed / idle.speed:.2f}",
        "–" if after is None else megabytes(less(after, idle.memory).resident, "+"),
        "–" if after is None else megabytes(less(after, idle.memory).unique, "+"),
    ]
    return f"| {' | '.join(texts)} |"


def less(one: Memory, other: Memory) -> Memory:
    """Return the difference of two memory readings."""
    known = one.unique is not None and other.unique is not None
    return Memory(one.resident - other.resident, one.unique - other.unique if known else None)


def megabytes(amount: float | None, sign: str = "") -> str:
    """Format an amount in MB, or a dash for None."""
    return "–" if amount is None else f"{amount:{sign}.0f} MB"


async def in_chromium(dashboard: Dashboard) -> float:
    """Return the median time from pen up to the prediction, in milliseconds."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.browse(dashboard.url, Tally(), stop))
        took = await asyncio.to_thread(draw_in_chromium)
        stop.set()
    return took


def draw_in_chromium() -> float:
    """Draw strokes in Chromium; return the median time to a prediction in milliseconds."""
    import draw
    from playwright.sync_api import sync_playwright
    from serving import find_chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            page = draw.open_page(browser.new_page(), PORT, f"/draw?model={crowd.MODEL}")
            digits = draw.ONE_STROKE
            took = [draw.one_stroke(page, digits[k % len(digits)]) for k in range(len(digits) + STROKES)]
        finally:
            browser.close()
    return statistics.median(took[len(digits) :])  # omits the warm-up


if __name__ == "__main__":
    main()
