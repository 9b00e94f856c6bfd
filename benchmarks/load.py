"""How the dashboard stands many users at once, while a run trains.

    python benchmarks/load.py [--users 1,10,30,50] [--seconds 180] [--chromium]

One run trains from the beginning to the end. For each number of users: as many draw a stroke every three seconds on the
Draw page, each with a session of one's own, and one more goes through Errors with a click every three seconds. Then all
leave, and the server is given the time after which Streamlit forgets their sessions. Prints one table:

stroke to answer   from sending what the canvas reports until the message with the new answer is there. The canvas waits
                   another 200 ms in the browser before it sends, and the browser draws what it got.
click on Errors    from the click to the end of the page's run
failures           answers that never came (missing) or were not what a visitor alone gets (wrong), connections that the
                   server closed, exceptions and red boxes that pages showed
memory             of the server without the training: resident, and of that what no other process shares; medians.
                   A further session is the difference to the row above, for each session more.
processor          cores that the server's process was busy on
training           images per second of the run meanwhile, validation included, and that by its speed before anyone came
after              the server's memory when all have left and are forgotten, less that in the first row, when one
                   visitor had used every page and was forgotten, too

The visitors are no browsers: they speak Streamlit's protocol, on the same cores as the server and the run. What that
takes of the cores is printed, and what other processes took, of which there should be none: a run trains at a low
priority. Takes `seconds` and about three minutes more for each number of users.

--chromium measures one user's time from lifting the pen to the new answer in Chromium, as benchmarks/draw.py does,
while the run trains and one user goes through Errors; Chromium takes part of the same cores.
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
RECIPE, EPOCHS = "keras-cnn", 1000  # the longest that may be asked for: hours
SETTLE = 5.0  # seconds from when all have come until something is measured
ARRIVAL = 0.2  # seconds from one user's coming to the next one's
SAMPLE = 2.0  # seconds between two looks at the server's memory
STROKES = 30  # in Chromium


@dataclass(frozen=True)
class Row:
    """What was measured with some users."""

    users: int
    sessions: int
    window: tuple[float, float]  # from when to when, `time.perf_counter()`
    tally: Tally
    memory: Memory
    processor: float  # cores
    visitors: float  # cores that the visitors themselves took
    others: float  # cores that the rest of the machine took
    speed: float  # images per second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", default="1,10,30,50", help="how many draw, one number after the other")
    parser.add_argument("--seconds", type=float, default=180, help="of each measurement")
    parser.add_argument("--chromium", action="store_true", help="measure one user in Chromium, too")
    options = parser.parse_args()
    users = [int(number) for number in options.users.split(",")]
    with Dashboard(PORT) as dashboard:
        asyncio.run(measure(dashboard, users, options.seconds, options.chromium))


async def measure(dashboard: Dashboard, users: Sequence[int], seconds: float, chromium: bool) -> None:
    """Measure without users, then with each number of them, and print a row for each."""
    drawn = sketches.digits()
    answers = await crowd.warm_up(dashboard, drawn)
    run = await crowd.start_run(dashboard, RECIPE, epochs=EPOCHS)
    await crowd.until_it_trains(run)
    await crowd.leave(dashboard)
    idle = await observe(dashboard, run, Tally(), 0, 0, seconds)
    print(
        "| users | answers | stroke to answer, median | 95 % within | click on Errors, median | failures | memory, "
        "resident | not shared | a further session | processor | training | of that before | after: resident | "
        "not shared |\n" + "|---" * 14 + "|"
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
        print(f"\nIn Chromium, pen up to answer of one user: {took:.0f} ms, median of {STROKES}.")
    print(
        f"\nA stroke every {crowd.PERIOD:g} s, {seconds:g} s each. The server keeps a session for "
        f"{crowd.KEPT_SESSIONS:g} s. The visitors themselves took up to {max(row.visitors for row in rows):.2f} cores, "
        f"processes that have nothing to do with this up to {max(row.others for row in rows):.2f}."
    )


async def with_users(
    dashboard: Dashboard, run: Path, drawn: Sequence[Sketch], answers: dict[str, str], count: int, seconds: float
) -> Row:
    """Let users come, measure, and let them go."""
    tally, stop = Tally(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.browse(dashboard.url, tally, stop))
        for number in range(count):
            group.create_task(crowd.draw(dashboard, number, drawn, answers, tally, stop))
            await asyncio.sleep(ARRIVAL)
        await asyncio.sleep(crowd.PERIOD + SETTLE)
        row = await observe(dashboard, run, tally, count, count + 1, seconds)
        stop.set()
    # Only now the last answers are there.
    return replace(row, tally=tally.between(*row.window))


async def observe(dashboard: Dashboard, run: Path, tally: Tally, users: int, sessions: int, seconds: float) -> Row:
    """Look on for some seconds."""
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
    """A row of the table."""
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
    known = one.unique is not None and other.unique is not None
    return Memory(one.resident - other.resident, one.unique - other.unique if known else None)


def megabytes(amount: float | None, sign: str = "") -> str:
    return "–" if amount is None else f"{amount:{sign}.0f} MB"


async def in_chromium(dashboard: Dashboard) -> float:
    """The median time from lifting the pen to the answer, in milliseconds."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.browse(dashboard.url, Tally(), stop))
        took = await asyncio.to_thread(draw_in_chromium)
        stop.set()
    return took


def draw_in_chromium() -> float:
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
    return statistics.median(took[len(digits) :])  # the first ones warm up


if __name__ == "__main__":
    main()
