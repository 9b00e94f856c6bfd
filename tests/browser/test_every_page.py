import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from left_out import leave_out
from visitor import PATIENCE, Visitor

from mnistdash.runs import store

PAGES = {"/": "mnistdash", "/draw": "Draw", "/train": "Train", "/errors": "Errors"}

SECTIONS = ("confidence", "robustness", "map", "compare", "labels")
PLACES = (*PAGES, "/errors?digit=7", "/errors?show=all&true=4", *(f"/errors?section={name}" for name in SECTIONS))

TOO_FAINT = (Path(__file__).parent / "contrast.js").read_text()


def go(visitor, path: str) -> None:
    """Open a page and wait for its predictions."""
    visitor.visit(path)
    if path.startswith("/errors"):
        visitor.page.locator("[data-testid=stMain] [data-testid=stProgress]").wait_for(state="detached")
        visitor.settle()


@pytest.mark.parametrize("path", PAGES)
def test_an_address_opens_the_whole_page(server, open_visitor, path):
    """Any page can be the first one that a new server shows."""
    visitor = open_visitor(server)
    visitor.visit(path)
    assert visitor.page.locator("h1").inner_text() == PAGES[path]
    links = visitor.page.get_by_test_id("stSidebar").get_by_role("link").all_inner_texts()
    assert [link.split("\n")[-1] for link in links] == ["Home", "Draw", "Train", "Errors"]
    assert visitor.page.locator("[data-testid=stException]").count() == 0


@pytest.fixture(scope="module")
def windows(small_server, browser) -> Iterator[dict[str, Visitor]]:
    """Open each address in a separate window; yield the visitors by address."""
    if browser is None:
        leave_out("Chromium")
    context = browser.new_context()
    context.set_default_timeout(1000 * PATIENCE)
    visitors = {path: Visitor(context.new_page(), small_server.url) for path in PLACES}
    for path, visitor in visitors.items():
        go(visitor, path)
    yield visitors
    context.close()


@pytest.fixture(scope="module", params=[(1280, "light"), (390, "dark")], ids=["wide-light", "narrow-dark"])
def places(request, windows) -> dict[str, Visitor]:
    """Resize all windows and set their color scheme, for tests that change nothing."""
    width, scheme = request.param
    for visitor in windows.values():
        visitor.page.set_viewport_size({"width": width, "height": 2000})
        visitor.page.emulate_media(color_scheme=scheme)
    visitor.page.wait_for_timeout(1500)
    return windows


def test_every_text_has_enough_contrast(places):
    deadline = time.monotonic() + PATIENCE  # charts change their theme with a delay
    for path, visitor in places.items():
        while faint := visitor.page.evaluate(TOO_FAINT):
            assert time.monotonic() < deadline, f"{path}: {faint}"
            visitor.page.wait_for_timeout(100)


def test_every_control_has_a_name_and_every_image_an_alternative_text(places):
    for path, visitor in places.items():
        nameless = visitor.page.evaluate(
            """() => [...document.querySelectorAll('[data-testid=stMain] :is(input, button, [role=slider])')]
                .filter(e => e.offsetParent && !(e.ariaLabel || e.innerText.trim() || e.labels?.length
                    || e.getAttribute('aria-labelledby') || e.title))
                .map(e => e.outerHTML.slice(0, 200))"""
        )
        assert nameless == [], path
        pictures = visitor.page.locator("[data-testid=stMain] img")
        assert all(pictures.nth(i).get_attribute("alt") for i in range(pictures.count())), path


def test_no_page_is_wider_than_the_screen(places):
    for path, visitor in places.items():
        width = visitor.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= visitor.page.viewport_size["width"], path


def test_the_server_stays_small_and_never_loads_tensorflow(shared_server, open_visitor, mnist_or_none):
    """Stay below 500 MB with MNIST and its predictions in memory, after a visit to every page and section."""
    visitor = open_visitor(shared_server)
    if mnist_or_none is None:
        leave_out("MNIST")
    for path in (*PLACES, "/errors?split=train"):
        go(visitor, path)
    deadline = time.monotonic() + PATIENCE  # freed memory is returned periodically
    while (size := shared_server.process.memory_info().rss) >= 500_000_000:
        assert time.monotonic() < deadline, size
        time.sleep(1)
    loaded = {mapped.path for mapped in shared_server.process.memory_maps()}
    assert not [path for path in loaded if "/tensorflow/" in path]


def test_a_download_shows_its_progress_then_its_failure(start_server, open_visitor, tmp_path):
    """The page names what it waits for while a mirror does not respond."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    held = []
    threading.Thread(target=lambda: [held.append(listener.accept()) for _ in range(2)], daemon=True).start()
    server = start_server(MNISTDASH_DATA="", XDG_CACHE_HOME=str(tmp_path / "empty"), https_proxy=address)
    visitor = open_visitor(server)
    visitor.page.goto(server.url)
    visitor.page.get_by_text("Loading MNIST").wait_for()
    accuracy = f"{store.load_run(server.models / 'flagship').card.test_accuracy:.2%}"
    assert visitor.page.get_by_text(accuracy).count() >= 1, "content that needs no data is already visible"
    for connection, _ in held:
        connection.close()
    listener.close()
    visitor.page.get_by_text("MNIST is not available").wait_for()
    visitor.page.get_by_role("button", name="Try again").wait_for()
