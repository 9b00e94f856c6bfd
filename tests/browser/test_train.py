import shutil
import time

from pen import STROKES, draw

from mnistdash import events, runs

PERCENT = r"\d+\.\d\d%"


def fill(visitor, label: str, value: str) -> None:
    field = visitor.page.get_by_role("spinbutton", name=label)
    field.fill(value)
    field.press("Enter")
    visitor.settle()


def curve(run: str, what: str) -> str:
    """Selects the epochs on the validation curve of a run's chart."""
    return f'.st-key-{what.lower()}_chart [aria-label="{what} of {run}"] .scatterlayer .trace:first-of-type .point'


def wait_for_points(visitor, run: str, what: str, count: int) -> None:
    visitor.page.wait_for_function(
        "([selector, count]) => document.querySelectorAll(selector).length >= count",
        arg=[curve(run, what), count],
        timeout=90_000,
    )


def test_a_run_from_start_to_stop_and_on_to_draw(server, open_visitor):
    second = open_visitor(server, height=1300)
    second.visit("/train")
    visitor = open_visitor(server, height=1300)
    visitor.visit("/train")
    fill(visitor, "Epochs", "400")
    fill(visitor, "Training images", "1000")
    visitor.press("start")
    visitor.wait_for("progress", "Starting|Epoch")
    for chart in ("Loss", "Accuracy"):
        wait_for_points(visitor, "flagship-1", chart, 2)

    visitor.page.reload()
    visitor.settle()
    visitor.wait_for("progress", r"Epoch \d+ of 400.*left")
    wait_for_points(visitor, "flagship-1", "Loss", 2)
    before = visitor.page.locator(curve("flagship-1", "Loss")).count()
    wait_for_points(visitor, "flagship-1", "Loss", before + 2)

    # The other tab was open before the start, and nobody touched it since.
    second.wait_for("runs", "flagship-1.*running")
    second.page.reload()
    second.settle()
    second.wait_for("progress", r"Epoch \d+ of 400")
    second.visit("/errors")

    visitor.press("stop")
    visitor.wait_for("progress", f"Stopped. Best epoch .* test accuracy {PERCENT}")
    visitor.wait_for("runs", f"flagship-1.*stopped.*{PERCENT}")
    assert runs.load(server.models / "flagship-1").status == "stopped"

    visitor.visit("/draw?model=flagship-1")
    visitor.page.locator(".st-key-canvas canvas").last.wait_for()
    draw(visitor.page, STROKES[0])
    visitor.wait_for("prediction", "% sure")
    visitor.page.get_by_text("flagship-1 read the drawing").wait_for()


def test_runs_queue_and_the_next_begins_by_itself(server, open_visitor):
    visitor = open_visitor(server, height=1300)
    visitor.visit("/train")
    fill(visitor, "Training images", "500")
    visitor.press("start")
    visitor.wait_for("progress", "Starting|Epoch")
    visitor.press("start")
    visitor.wait_for("progress", "Queued")
    visitor.wait_for("runs", "flagship-2.*queued.*flagship-1.*running")
    visitor.page.locator(".st-key-run input").click()
    visitor.page.get_by_role("option", name="flagship-1").click()
    visitor.wait_for("progress", "Starting|Epoch")
    visitor.press("stop")
    visitor.wait_for("runs", "flagship-2.*running.*flagship-1.*stopped", 60)


def test_ending_the_server_ends_its_trainings_and_keeps_their_weights(server, open_visitor):
    visitor = open_visitor(server)
    visitor.visit("/train")
    fill(visitor, "Training images", "1000")
    visitor.press("start")
    wait_for_points(visitor, "flagship-1", "Loss", 1)
    (child,) = server.process.children()
    server.end()
    deadline = time.monotonic() + 20
    while child.is_running() and child.status() != "zombie":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    run = runs.load(server.models / "flagship-1")
    assert run.status == "stopped"
    assert run.card is not None
    assert events.first_and_last(run.folder)[1]["event"] == "ended"


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
    assert (tmp_path / "better.tflite").read_bytes() == (server.models / "better" / runs.TFLITE).read_bytes()
    assert (tmp_path / "better.keras").read_bytes() == (server.models / "better" / runs.KERAS).read_bytes()
    assert (tmp_path / "better.csv").read_text().startswith("epoch,step,")

    visitor.press("delete")
    visitor.page.get_by_role("button", name="Keep it").click()
    visitor.settle()
    assert (server.models / "better").exists()
    visitor.press("delete")
    visitor.page.locator(".st-key-delete_now button").click()
    visitor.page.wait_for_function("() => !document.querySelector('.st-key-runs').innerText.includes('better')")
    assert not (server.models / "better").exists()
