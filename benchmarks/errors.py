"""Measure the speed and memory of the Errors page.

    python benchmarks/errors.py [--parts predict,click] [--model NAME] [--count N]

predict  time to predict and cache all three splits, and to load them from the cache
click    time in Chromium from a click on a cell of the confusion matrix to its gallery and to the rest of the page,
         from a click on a digit to its detail view, and, alternating, from a click on a bare page to one image; then
         the server's memory after all sections
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from serving import find_chromium, serve

from mnistdash.data import dataset, mnist
from mnistdash.evaluation import cache, predictions
from mnistdash.inference.model import Model
from mnistdash.runs import store
from mnistdash.runs.run import TFLITE, Run
from mnistdash.settings import PROJECT, Settings
from mnistdash.ui.errors import query_state
from mnistdash.ui.errors.gallery import PER_PAGE

PORT, BARE_PORT = 8597, 8598
TIMEOUT = 60_000  # milliseconds
BARE = """
import numpy as np
import streamlit as st

number = st.session_state.setdefault("number", 0)

def count():
    st.session_state.number += 1

st.button("Next", key="next", on_click=count)
with st.container(key="shown"):
    st.image(np.full((280, 280), 25 * (number % 10), np.uint8), caption=f"image {number}")
"""
# Click, and resolve with the milliseconds until each expression holds in turn.
CLICK = """
([button, expressions]) => new Promise(resolve => {
  const expected = expressions.map(one => new Function(`return ${one}`));
  const element = document.querySelector(button);
  const took = [];
  let began = null;
  const look = () => {
    if (!expected[took.length]()) return requestAnimationFrame(look);
    requestAnimationFrame(() => {
      took.push(performance.now() - began);
      took.length < expected.length ? look() : resolve(took);
    });
  };
  element.addEventListener("click", () => { began = performance.now(); requestAnimationFrame(look); }, { once: true });
  element.click();
})
"""
GALLERY = """(() => {
  const shown = [...document.querySelectorAll(".md-gallery button .digit")].filter(one => one.checkVisibility());
  return shown.length === %d && shown.every(one => one.ariaLabel.endsWith(": a %d predicted as %d"));
})()"""
FILTER = """(document.querySelector(".st-key-let_go")?.innerText ?? "").includes("True %d, predicted %d")"""
DETAIL = """[...document.querySelectorAll("h3")].some(one => one.innerText.includes("digit no. %s:"))
  && [...document.querySelectorAll(".md-digit img")].filter(one => one.complete).length === 3"""
IMAGE = """(() => {
  const image = document.querySelector(".st-key-shown img");
  return document.querySelector(".st-key-shown").innerText.includes("image %d") && image.complete && image.naturalWidth;
})()"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="predict,click")
    parser.add_argument("--model", default="flagship")
    parser.add_argument("--count", type=int, default=15, help="clicks of each kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        shutil.copytree(Settings.from_environment().models / options.model, models / options.model)
        shutil.rmtree(models / options.model / cache.FOLDER, ignore_errors=True)
        data = mnist.load_mnist(Settings.from_environment())
        run = store.load_trained_run(options.model, models)
        if "predict" in options.parts:
            predict_everything(run, data)
        if "click" in options.parts:
            click_through(run, data, options.count)


def predict_everything(run: Run, data: dataset.Dataset) -> None:
    model = Model(run.folder / TFLITE, run.name)
    for label in ("predicted and cached", "loaded from the cache"):
        started = time.perf_counter()
        for name in dataset.SPLITS:
            predictions.predict_split(run, model, data, name)
        print(f"{run.name}, all 70,000 digits {label}: {time.perf_counter() - started:.1f} s", flush=True)
    size = sum(path.stat().st_size for path in (run.folder / cache.FOLDER).iterdir())
    print(f"cache: {size / 1e6:.1f} MB\n", flush=True)


def click_through(run: Run, data: dataset.Dataset, count: int) -> None:
    probabilities = Model(run.folder / TFLITE, run.name)(data.test.images)
    labels, predicted_digits = data.test.labels, probabilities.argmax(1)
    wrong = np.flatnonzero(labels != predicted_digits)
    cells = np.unique(np.stack([labels[wrong], predicted_digits[wrong]], axis=1), axis=0).tolist()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        servers = [serve(PROJECT / "app.py", PORT, MNISTDASH_MODELS=str(run.folder.parent)), serve(script, BARE_PORT)]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            ours, bare = (browser.new_page(viewport={"width": 1280, "height": 900}) for _ in range(2))
            bare.goto(f"http://127.0.0.1:{BARE_PORT}")
            bare.locator(".st-key-shown img").wait_for(timeout=TIMEOUT)
            ours.goto(f"http://127.0.0.1:{PORT}/errors")
            ours.locator(".md-gallery").wait_for(timeout=TIMEOUT)
            ours.wait_for_timeout(15_000)  # until the other splits are predicted
            times: dict[str, list[float]] = {"cell": [], "page": [], "detail": [], "bare": []}
            for k in range(-3, count):  # negative: warm-up
                true, predicted = cells[k % len(cells)]
                indices = np.flatnonzero((labels == true) & (predicted_digits == predicted))
                index = int(indices[probabilities[indices].max(1).argmax()])
                gallery = GALLERY % (min(len(indices), PER_PAGE), true, predicted)
                cell = click(ours, f'[data-pick="{true},{predicted}"]', gallery, FILTER % (true, predicted))
                took = dict(zip(("cell", "page"), cell, strict=True))
                ours.wait_for_timeout(400)
                if not ours.evaluate(gallery):
                    sys.exit(f"The page shows other digits than {true} predicted as {predicted} after the script run.")
                (took["detail"],) = click(ours, f'.md-gallery [data-pick="{index}"]', DETAIL % f"{index:,}")
                ours.locator(".st-key-back button").click()
                ours.locator(".md-gallery button:visible").first.wait_for(timeout=TIMEOUT)
                (took["bare"],) = click(bare, ".st-key-next button", IMAGE % (k + 4))
                if k >= 0:
                    for name, milliseconds in took.items():
                        times[name].append(milliseconds)
            medians = {name: statistics.median(values) for name, values in times.items()}
            print(f"| medians of {count} | ms | times the bare page |\n|---|---|---|")
            for name, label in (
                ("bare", "bare page: click to one image"),
                ("cell", "click on a cell to its gallery"),
                ("page", "the same to the rest of the page"),
                ("detail", "click on a digit to its detail view"),
            ):
                print(f"| {label} | {medians[name]:.0f} | {medians[name] / medians['bare']:.2f} |")
            for section in query_state.CHOICES["section"]:
                ours.goto(f"http://127.0.0.1:{PORT}/errors?section={section}&split=train")
                ours.locator(".st-key-section").wait_for(timeout=TIMEOUT)
                ours.wait_for_timeout(20_000 if section in ("map", "robustness") else 5_000)
            memory = psutil.Process(servers[0].pid).memory_info().rss
            print(f"\nthe server's memory after all sections: {memory / 1e6:.0f} MB")
        finally:
            browser.close()
            for server in servers:
                server.terminate()
                server.wait()


def click(page: Page, button: str, *expected: str) -> list[float]:
    """Click a button and return the milliseconds until each expression holds, in turn."""
    page.bring_to_front()
    page.locator(button).wait_for(timeout=TIMEOUT)
    page.wait_for_timeout(400)
    return page.evaluate(CLICK, [button, list(expected)])


if __name__ == "__main__":
    main()
