"""How soon a dashboard that slept, or was just started, is of use.

    python benchmarks/start.py [--repeats 5] [--cold]

Starts a server anew each time and visits it as soon as it answers, beside a bare Streamlit page that only says hello.
Prints medians of the seconds from the start of the process:

answers        until the host's health check is answered
page           until Home, or the bare page, is there in full; Home shows the data, which has to be read and verified
first stroke   until the first stroke on Draw is read, after Home; the network is loaded for it

The visitor is no browser, and MNIST is on the disk. Files that were read before are in the system's cache; with
--cold (Linux, root) it is emptied before each start, as on a host that woke up.
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
LAST_ON_HOME = "training images of each digit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="empty the system's cache of files first")
    options = parser.parse_args()
    bare, dashboard = [], []
    for _ in range(options.repeats):
        for measure, all_seconds in ((of_bare_page, bare), (of_dashboard, dashboard)):
            if options.cold:
                os.sync()
                Path("/proc/sys/vm/drop_caches").write_text("3")
            all_seconds.append(measure())
    print("| | answers | page | first stroke |\n|---|---|---|---|")
    for name, all_seconds in (("bare page", bare), ("mnistdash", dashboard)):
        medians = [statistics.median(each) for each in zip(*all_seconds, strict=True)]
        print(f"| {name} | {' | '.join(f'{seconds:.1f} s' for seconds in medians)} |{' – |' * (3 - len(medians))}")


def of_bare_page() -> tuple[float, ...]:
    """Seconds until it answers, and until its page is there."""
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
    """Seconds until it answers, until Home is there, and until the first stroke is read."""
    began = time.perf_counter()
    with crowd.Dashboard(PORT) as dashboard:
        return time.perf_counter() - began, *asyncio.run(visit(began, dashboard.url, LAST_ON_HOME, True))


async def visit(began: float, url: str, last: str, draws: bool) -> list[float]:
    """Visit a page until its last words are there, and draw a stroke; seconds since `began` when each was done."""
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
