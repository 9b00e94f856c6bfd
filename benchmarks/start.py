"""Measure the time from the start of a dashboard until it is usable.

    python benchmarks/start.py [--repeats 5] [--cold]

Starts the dashboard and a bare Streamlit page repeatedly. Prints median seconds from the start of the process:

health         until the health check responds
page           until Home, which loads and verifies MNIST, or the bare page is complete
first stroke   until the prediction for the first stroke on Draw, which loads the network, after Home

The visitor is a protocol client, not a browser, and MNIST is on disk. --cold drops the file cache of the system before
each start (Linux, root).
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

import crowd
import sketches
from protocol import Visitor
from serving import serve

PORT = 8593
BARE = "import streamlit as st\nst.write('Hello')\n"
LAST_ON_HOME = "training images of each digit"  # the last text of Home


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="drop the file cache first")
    options = parser.parse_args()
    bare, dashboard = [], []
    for _ in range(options.repeats):
        for measure, all_seconds in ((of_bare_page, bare), (of_dashboard, dashboard)):
            if options.cold:
                os.sync()
                Path("/proc/sys/vm/drop_caches").write_text("3")
            all_seconds.append(measure())
    print("| | health | page | first stroke |\n|---|---|---|---|")
    for name, all_seconds in (("bare page", bare), ("mnistdash", dashboard)):
        medians = [statistics.median(each) for each in zip(*all_seconds, strict=True)]
        print(f"| {name} | {' | '.join(f'{seconds:.1f} s' for seconds in medians)} |{' – |' * (3 - len(medians))}")


def of_bare_page() -> tuple[float, ...]:
    """Return the seconds until the health check responds and until the page is complete."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        began = time.perf_counter()
        server = serve(script, PORT)
        try:
            return time.perf_counter() - began, *asyncio.run(visit(began, f"http://127.0.0.1:{PORT}", "Hello", False))
        finally:
            server.terminate()
            server.wait()


def of_dashboard() -> tuple[float, ...]:
    """Return the seconds until the health check responds, Home is complete, and the first stroke is recognized."""
    began = time.perf_counter()
    with crowd.Dashboard(PORT) as dashboard:
        return time.perf_counter() - began, *asyncio.run(visit(began, dashboard.url, LAST_ON_HOME, True))


async def visit(began: float, url: str, last: str, draws: bool) -> list[float]:
    """Wait for the last words of a page, draw a stroke, and return the seconds from `began` to each."""
    async with Visitor(url) as visitor:
        await visitor.open("/")
        await visitor.until(lambda: last in visitor.text())
        reached = [time.perf_counter() - began]
        if draws:
            await visitor.open(f"/draw?model={crowd.MODEL}")
            await visitor.choose("drawing", sketches.digits()[0].values[0])
            assert "%" in visitor.text("prediction")
            reached.append(time.perf_counter() - began)
        return reached


if __name__ == "__main__":
    main()
