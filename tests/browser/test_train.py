import os
import shutil
import time
from pathlib import Path

import psutil
import pytest
import streamlit as st
from browser_server import Server, with_sample
from pen import STROKES, draw
from PIL import ImageColor
from waiting import until

from mnistdash.inference import model
from mnistdash.runs import events, store
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import KERAS, LOCK, TFLITE
from mnistdash.system.locks import ProcessLock

pytestmark = pytest.mark.slow

PERCENT = r"\d+\.\d\d%"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Return a cache folder for all servers, so that only the first run measures the faster precision."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def server(start_server, cache) -> Server:
    """Start a dashboard with the offline sample, on which runs take seconds."""
    return start_server(**with_sample(cache), MNISTDASH_STAND_BY="1")


def fill(visitor, label: str, value: str) -> None:
    field = visitor.page.get_by_role("spinbutton", name=label)
    field.fill(value)
    field.press("Enter")
    visitor.settle()


def chart_of(run: str, what: str) -> str:
    """Selects a run's chart of its loss or accuracy."""
    return f'.st-key-{what.lower()}_chart [aria-label="{what} of {run}"]'


def points(curve: str) -> str:
    """JavaScript: chart -> how many points the curve of this name has."""
    return f"(chart) => chart?.data?.find(({{ name }}) => name === '{curve}').x.length"


def wait_for_points(visitor, run: str, what: str, count: int) -> None:
    """Wait until the validation curve of a run's chart has so many epochs."""
    visitor.page.wait_for_function(
        f"([selector, count]) => ({points('validation')})(document.querySelector(selector)) >= count",
        arg=[chart_of(run, what), count],
    )


def test_a_warm_worker_trains_a_run_and_keeps_its_weights_when_the_server_ends(start_server, open_visitor, tmp_path):
    server = start_server(**with_sample(tmp_path / "cache"), MNISTDASH_STAND_BY="1")
    visitor = open_visitor(server, height=1500)
    visitor.visit("/train")
    visitor.wait_for("estimate", r"About \d+ (s|min) on a 2-core machine")
    until(server.process.children)
    (worker,) = server.process.children()
    fill(visitor, "Training images", "1000")
    fill(visitor, "Epochs", "500")
    visitor.press("start")
    wait_for_points(visitor, "express-1", "Loss", 1)
    assert [child.pid for child in server.process.children()] == [worker.pid]
    assert events.read_events(server.models / "express-1")[0][0]["pid"] == worker.pid
    server.end()
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    run = store.load_run(server.models / "express-1")
    assert run.status == "stopped"
    assert run.card is not None
    assert events.last_event(run.folder)["event"] == "ended"


def test_a_run_is_renamed_downloaded_and_deleted(server, open_visitor, tmp_path):
    shutil.copytree(server.models / "flagship", server.models / "mine")
    visitor = open_visitor(server, height=1300)
    visitor.visit("/train?run=mine")

    visitor.page.locator(".st-key-renaming button").click()
    visitor.page.get_by_label("New name").fill("better")
    visitor.page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    visitor.wait_for("runs", "better")
    assert visitor.page.locator(".st-key-run input").input_value() == "better"
    assert not (server.models / "mine").exists()

    for label, suffix in (("LiteRT", "tflite"), ("Keras", "keras"), ("History", "csv")):
        visitor.page.locator(".st-key-downloads > div > button, .st-key-downloads button").first.click()
        with visitor.page.expect_download() as download:
            visitor.page.get_by_role("button", name=label).click()
        assert download.value.suggested_filename == f"better.{suffix}"
        download.value.save_as(tmp_path / download.value.suggested_filename)
        visitor.page.keyboard.press("Escape")
    assert (tmp_path / "better.tflite").read_bytes() == (server.models / "better" / TFLITE).read_bytes()
    assert (tmp_path / "better.keras").read_bytes() == (server.models / "better" / KERAS).read_bytes()
    assert (tmp_path / "better.csv").read_text().startswith("epoch,step,")

    visitor.press("delete")
    visitor.page.get_by_role("button", name="Cancel").click()
    visitor.settle()
    assert (server.models / "better").exists()
    visitor.press("delete")
    visitor.page.locator(".st-key-delete_now button").click()
    visitor.page.wait_for_function("() => !document.querySelector('.st-key-runs').innerText.includes('better')")
    assert not (server.models / "better").exists()


def choose_run(visitor, name: str) -> None:
    visitor.page.locator(".st-key-run input").click()
    visitor.page.get_by_role("option", name=name, exact=True).click()
    visitor.settle()


def test_three_runs_are_queued_watched_stopped_compared_continued_and_used(server, open_visitor, tmp_path, sample):
    second = open_visitor(server, height=1300)
    second.visit("/train")
    visitor = open_visitor(server, height=1500)
    visitor.visit("/train")
    fill(visitor, "Training images", "1000")
    for number, epochs, seed in ((1, "500", "0"), (2, "3", "1"), (3, "2", "2")):
        fill(visitor, "Epochs", epochs)
        fill(visitor, "Seed", seed)
        visitor.press("start")
        visitor.wait_for("runs", f"express-{number}.*(queued|running)")
    visitor.wait_for("runs", "express-3.*queued.*express-2.*queued.*express-1.*running")

    visitor.page.reload()
    visitor.settle()
    visitor.wait_for("runs", "express-3.*queued.*express-2.*queued.*express-1.*running")
    assert visitor.page.get_by_role("spinbutton", name="Seed").input_value() == "2", "the typed value is kept"
    second.wait_for("runs", "express-1.*running")  # this tab was open before the start and has not been touched since
    second.visit("/")

    choose_run(visitor, "express-3")
    visitor.page.get_by_role("button", name="Cancel").click()
    visitor.wait_for("runs", "express-3.*stopped.*express-2.*queued")
    visitor.settle()
    assert visitor.page.locator(".st-key-delete button").is_enabled()

    choose_run(visitor, "express-1")
    visitor.wait_for("progress", r"Epoch \d+ of 500.*left")
    for chart in ("Loss", "Accuracy"):
        wait_for_points(visitor, "express-1", chart, 2)
    before = visitor.page.locator(chart_of("express-1", "Loss")).evaluate(points("validation"))
    wait_for_points(visitor, "express-1", "Loss", before + 2)
    visitor.press("stop")
    visitor.wait_for("progress", f"Stopped. Best epoch .* test accuracy {PERCENT}")
    visitor.wait_for("runs", f"express-1.*stopped.*{PERCENT}")
    assert store.load_run(server.models / "express-1").status == "stopped"

    choose_run(visitor, "express-2")
    visitor.wait_for("progress", "Finished")  # the queue started it
    visitor.page.locator(".st-key-compared input").click()
    visitor.page.get_by_role("option", name="express-1", exact=True).click()
    visitor.page.keyboard.press("Escape")
    visitor.wait_for("comparison", "Epochs.*3.*500.*Seed.*1.*0")

    choose_run(visitor, "express-1")
    visitor.page.locator(".st-key-continuing button").first.click()
    visitor.page.get_by_role("spinbutton", name="More epochs").fill("1")
    visitor.page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Start").click()
    visitor.wait_for("progress", "Finished")  # the new run is selected
    continued = store.load_run(server.models / "express-1-1")
    assert continued.config.start == "express-1"

    visitor.page.locator(".st-key-downloads button").first.click()
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="LiteRT").click()
    file = tmp_path / "mine.tflite"
    download.value.save_as(file)
    predicted = model.Model(file, "mine")(sample.test.images).argmax(1)
    accuracy = (predicted == sample.test.labels).mean()
    assert abs(accuracy - continued.card.test_accuracy) < 0.001

    visitor.visit("/draw?model=express-1-1")
    visitor.page.locator(".st-key-canvas canvas").last.wait_for()
    draw(visitor.page, STROKES[0])
    visitor.wait_for("prediction", "%")
    visitor.page.get_by_text("Predicted by express-1-1 in").wait_for()


def test_errors_and_features_follow_a_run_and_go_back_to_an_epoch(server, open_visitor):
    visitor = open_visitor(server, height=1500)
    visitor.visit("/train?view=Errors")
    fill(visitor, "Training images", "1000")
    fill(visitor, "Epochs", "6")
    visitor.press("start")
    visitor.wait_for("epoch_hardest", r"misclassified after epoch [3-6]")
    visitor.wait_for("progress", "Finished")
    visitor.wait_for("epoch_hardest", r"misclassified after epoch 6")
    assert visitor.page.locator(".st-key-delete button").is_enabled(), "the actions on the run are up to date"
    last = visitor.text("epoch_digits")
    visitor.page.get_by_role("slider", name="Epoch").press("Home")
    visitor.wait_for("epoch_hardest", r"misclassified after epoch 1\.")
    assert visitor.text("epoch_digits") != last
    visitor.page.get_by_text("Features", exact=True).click()
    visitor.page.locator(".st-key-filters img").nth(15).wait_for()
    visitor.page.locator(".st-key-activated").get_by_text("7", exact=True).click()
    visitor.settle()
    assert visitor.page.locator(".st-key-activations .maps img").count() == 1 + 5 * 8


def test_a_sweep_is_queued_and_compared(server, open_visitor):
    visitor = open_visitor(server, height=1500)
    visitor.visit("/train?recipe=softmax")
    fill(visitor, "Training images", "1000")
    fill(visitor, "Epochs", "2")
    visitor.page.locator(".st-key-sweep-softmax input").click()
    visitor.page.get_by_role("option", name="Learning rate").click()
    values = visitor.page.get_by_label("Values")
    values.fill("0.5, 0.05")
    values.press("Enter")
    visitor.page.get_by_role("button", name="Start 2 runs").click()
    visitor.wait_for("comparison", "Learning rate.*0.5.*0.05")
    visitor.wait_for("runs", f"softmax-2.*(queued|running|finished).*softmax-1.*finished.*{PERCENT}")


@pytest.fixture
def trained_here(server):
    """An event writer of a run that this process seems to train."""
    config = configure(RECIPES["keras-cnn"], server.models, name="run")
    lock = ProcessLock(server.models / "run" / LOCK)
    writer = events.EventWriter(store.create_run(config, server.models, lock))
    writer.write("started", pid=os.getpid(), time=time.time())
    writer.write("fitting", steps=1000, epochs=1, batch_size=64, examples=64_000, data="sample", precision="float32")
    yield writer
    lock.release()


def test_a_chart_grows_in_place_and_stays_zoomed_in(server, open_visitor, trained_here):
    def grow(steps: range) -> None:
        for step in steps:
            reached = {"loss": 2 / step, "accuracy": 1 - 0.5 / step}
            trained_here.write("batch", step=step, epoch=1, learning_rate=0.1, images_per_second=5000.0, **reached)

    grow(range(1, 101))
    visitor = open_visitor(server, height=1300)
    visitor.visit("/train?run=run")
    chart = visitor.page.locator(".st-key-loss_plot .md-chart")
    chart.locator(".scatterlayer .trace").last.wait_for()
    chart.evaluate("chart => { chart.querySelector('.main-svg').isTheSame = true; }")
    chart.scroll_into_view_if_needed()
    place = chart.locator(".nsewdrag").bounding_box()
    visitor.page.mouse.move(place["x"] + 5, place["y"] + 20)
    visitor.page.mouse.down()
    visitor.page.mouse.move(place["x"] + 40, place["y"] + 120, steps=5)
    visitor.page.mouse.up()

    def state() -> list:
        """Return whether the chart is still the same element, its range of epochs, and its number of batches."""
        return chart.evaluate(
            f"c => [c.querySelector('.main-svg').isTheSame, c._fullLayout.xaxis.range, ({points('per batch')})(c)]"
        )

    is_same, zoomed, batches = state()
    assert is_same and zoomed[1] < 0.5 and batches == 100

    visitor.page.evaluate("""() => {
      window.faded = 0;
      document.addEventListener("transitionrun", ({ target, propertyName }) => {
        window.faded += target.matches(".st-key-live .stElementContainer") && propertyName === "opacity";
      }, true);
    }""")
    grow(range(101, 201))
    visitor.page.wait_for_function(
        f"({points('per batch')})(document.querySelector('.st-key-loss_plot .md-chart')) === 200"
    )
    assert state() == [True, zoomed, 200]
    assert visitor.page.evaluate("window.faded") == 0, "nothing fades at an update"

    chart.locator(".nsewdrag").dblclick()
    visitor.page.wait_for_function(
        "document.querySelector('.st-key-loss_plot .md-chart')._fullLayout.xaxis.range[1] >= 1"
    )


def test_a_chart_shows_an_error_if_its_script_fails_to_load(server, open_visitor):
    visitor = open_visitor(server)
    visitor.page.route("**/plotly.min.js*", lambda route: route.abort())
    visitor.visit("/")
    visitor.page.get_by_text("The chart could not be drawn. Reload the page to try again.").wait_for()
    visitor.page.unroute("**/plotly.min.js*")
    visitor.page.reload()
    visitor.page.locator(".st-key-digit_counts .md-chart .bars path").first.wait_for()


def test_curves_lie_over_the_batches_and_are_not_cut_off(shared_server, open_visitor):
    """The best epoch may be the last, with a loss close to 0."""
    visitor = open_visitor(shared_server, height=1800)
    visitor.visit("/train?run=flagship")
    accent, gray, light, *_ = (ImageColor.getrgb(c) for c in st.get_option("theme.light.chartCategoricalColors"))
    for what in ("loss", "accuracy"):
        chart = visitor.page.locator(f".st-key-{what}_plot .md-chart")
        best = chart.locator(".textpoint text")
        best.wait_for()
        assert chart.locator(".legendtext").all_text_contents() == ["validation", "training", "per batch"]
        lines = chart.locator(".scatterlayer .js-line").evaluate_all("lines => lines.map(({ style }) => style.stroke)")
        assert lines == ["rgb({}, {}, {})".format(*color) for color in (light, accent, gray)]
        assert best.evaluate("best => best.closest('[clip-path]')") is None
        word, picture = (part.bounding_box() for part in (best, chart.locator(".main-svg").first))
        assert word["x"] + word["width"] <= picture["x"] + picture["width"]


def test_charts_follow_the_theme(server, open_visitor, trained_here):
    trained_here.write("batch", step=1, epoch=1, loss=2.0, accuracy=0.1, learning_rate=0.1, images_per_second=5000.0)
    visitor = open_visitor(server, height=1300)
    visitor.visit("/train?run=run")
    visitor.page.locator(".st-key-accuracy_plot .annotation-text").wait_for()
    for theme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=theme)
        text = st.get_option(f"theme.{theme}.textColor")
        _, gray, *_ = st.get_option(f"theme.{theme}.chartCategoricalColors")
        visitor.page.wait_for_function(
            """colors => {
              const chart = document.querySelector(".st-key-accuracy_plot .md-chart");
              const color = (part, kind) => chart.querySelector(part)?.style[kind];
              const published = color(".shapelayer path", "stroke");
              const drawn = [color(".annotation-text", "fill"), color(".xtick text", "fill"), published];
              return JSON.stringify(drawn) === JSON.stringify(colors);
            }""",
            arg=["rgb({}, {}, {})".format(*ImageColor.getrgb(color)) for color in (text, gray, gray)],
        )
