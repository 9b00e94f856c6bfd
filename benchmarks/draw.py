"""Measure the time of one prediction, and from the end of a stroke to the new prediction on Draw.

    python benchmarks/draw.py [--model NAME] [--count N]

Prints the median time of one prediction and of `to_mnist`. In Chromium, measures the median time from pen up to the new
prediction, alternating between the Draw page and a bare page with the same canvas and one `st.write`. Both include the
canvas's debounce of 200 ms.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

import hands
import pen
from playwright.sync_api import Page, sync_playwright
from serving import find_chromium, serve

from mnistdash.imaging import normalize
from mnistdash.inference.model import load_model
from mnistdash.settings import PROJECT, Settings

ONE_STROKE = (0, 2, 3, 6, 8)  # digits drawn in a single stroke
TIMEOUT = 30_000  # milliseconds
BARE = """
import streamlit as st
from streamlit_drawable_canvas import st_canvas

number = st.session_state.setdefault("number", 0)
with st.container(key="canvas"):
    result = st_canvas(stroke_width=20, stroke_color="#ffffff", background_color="#000000", width=280, height=280,
                       return_image_data=True, key=f"canvas{number}")
with st.container(key="prediction"):
    st.write("Draw" if result.image_data is None else f"{result.image_data.mean():.1f}%")

def clear():
    st.session_state.number += 1

st.button("Clear", key="clear", on_click=clear)
"""
# Record the times of the last pointerup and of the first prediction after it, in milliseconds.
WATCH = """
() => {
  addEventListener("pointerup", event => { window.lifted = event.timeStamp; window.answered = null; }, true);
  new MutationObserver(() => {
    const text = document.querySelector(".st-key-prediction")?.innerText ?? "";
    if (window.answered === null && text.includes("%")) window.answered = performance.now();
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}
"""


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="flagship")
    parser.add_argument("--count", type=int, default=30, help="strokes per page")
    options = parser.parse_args()
    folder = Settings.from_environment().models
    model, drawing = load_model(options.model, folder), hands.on_canvas("3")
    view = np.round(255 * normalize.to_mnist(drawing)).astype(np.uint8)
    print(f"{options.model}: {(folder / options.model / 'model.tflite').stat().st_size / 1e6:.2f} MB")
    print(f"one prediction: {median_of(lambda: model(view[None])):.2f} ms, median of 500")
    print(f"to_mnist, 280x280: {median_of(lambda: normalize.to_mnist(drawing)):.2f} ms, median of 500")
    ours, bare = pen_to_prediction(options.count)
    print(
        f"pen up to prediction: {ours:.0f} ms; bare page {bare:.0f} ms; ratio {ours / bare:.2f}; "
        f"medians of {options.count}"
    )


def median_of(work: Callable[[], object], count: int = 500) -> float:
    """Return the median duration of a call, in milliseconds."""
    durations = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        durations.append(1000 * (time.perf_counter() - began))
    return statistics.median(durations)


def pen_to_prediction(count: int) -> tuple[float, float]:
    """Return the median times of the Draw page and of the bare page, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        servers = [serve(PROJECT / "app.py", 8597), serve(script, 8598)]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            pages = [open_page(browser.new_page(), 8597, "/draw"), open_page(browser.new_page(), 8598, "")]
            times: list[list[float]] = [[], []]
            for k in range(-len(ONE_STROKE), count):  # negative: warm-up
                for page, measured in zip(pages, times, strict=True):
                    duration = one_stroke(page, ONE_STROKE[k % len(ONE_STROKE)])
                    if k >= 0:
                        measured.append(duration)
        finally:
            browser.close()
            for server in servers:
                server.terminate()
                server.wait()
    return statistics.median(times[0]), statistics.median(times[1])


def open_page(page: Page, port: int, path: str) -> Page:
    """Open a page with a canvas and start the stopwatch in it."""
    page.goto(f"http://127.0.0.1:{port}{path}")
    page.locator(".st-key-canvas canvas").last.wait_for(timeout=TIMEOUT)
    page.evaluate(WATCH)
    page.wait_for_timeout(1000)
    return page


def one_stroke(page: Page, digit: int) -> float:
    """Draw a digit, return the milliseconds until its prediction, and clear the canvas."""
    page.bring_to_front()
    pen.draw(page, pen.STROKES[digit])
    page.wait_for_function("() => window.answered", timeout=TIMEOUT)
    duration = page.evaluate("() => window.answered - window.lifted")
    page.locator(".st-key-clear button").click()
    page.wait_for_function(
        "() => !document.querySelector('.st-key-prediction').innerText.includes('%')", timeout=TIMEOUT
    )
    page.wait_for_timeout(400)
    return duration


if __name__ == "__main__":
    main()
