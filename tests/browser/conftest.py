"""A real server and a real browser: the pages as a visitor has them."""

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser_server import Server, with_sample
from hands import on_canvas
from left_out import leave_out
from PIL import Image
from visitor import PATIENCE, Visitor

from mnistdash.data.dataset import Dataset

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> Path:
    """What the browser's camera sees: a 3 on paper in a shadow, as a film of JPEG pictures."""
    paper = np.full((480, 640), 220.0)
    paper[:, 400:] = 130
    paper[140:340, 200:400] *= 1 - 0.75 * on_canvas("3") / 255
    picture = io.BytesIO()
    Image.fromarray(paper.astype(np.uint8)).convert("RGB").save(picture, "JPEG", quality=95)
    path = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    path.write_bytes(30 * picture.getvalue())
    return path


@pytest.fixture(scope="session")
def browser(film):
    """Debian's Chromium, or the one that CHROMIUM names; None where there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        camera = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
        arguments = [*ARGUMENTS, *camera, f"--use-file-for-fake-video-capture={film}"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def with_data(folder: Path, mnist: Dataset | None) -> dict[str, str]:
    """The environment of a dashboard that has MNIST if this machine does, else the offline sample."""
    # A process that stands by would slow down all other tests; and how fast this machine is, nobody has measured.
    environment = {**os.environ, "MNISTDASH_STAND_BY": "0", "XDG_CACHE_HOME": str(folder / "cache")}
    return environment | ({"MNISTDASH_DATA": mnist.source} if mnist else with_sample(folder))


@pytest.fixture
def start_server(tmp_path, mnist_or_none) -> Iterator:
    """Start a dashboard, with MNIST if this machine has it: start_server() -> Server."""
    environment, servers = with_data(tmp_path, mnist_or_none), []

    def start(**more: str) -> Server:
        servers.append(Server(tmp_path / f"server-{len(servers)}", environment | more))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.is_running():
            server.end()


@pytest.fixture
def server(start_server) -> Server:
    """One dashboard."""
    return start_server()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory, mnist_or_none) -> Iterator[Server]:
    """A dashboard like `server`, one for all tests that change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    server = Server(folder, with_data(folder, mnist_or_none))
    yield server
    server.end()


@pytest.fixture(scope="session")
def small_server(tmp_path_factory) -> Iterator[Server]:
    """A dashboard with the offline sample, which a model reads in no time; one for all tests that change nothing."""
    folder = tmp_path_factory.mktemp("small")
    server = Server(folder, {**os.environ, "MNISTDASH_STAND_BY": "0", **with_sample(folder)})
    yield server
    server.end()


@pytest.fixture
def open_visitor(browser) -> Iterator:
    """Open a browser window: open_visitor(server, width=390, color_scheme="dark")."""
    contexts = []

    def open_window(server: Server, width: int = 1280, height: int = 900, **options) -> Visitor:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        contexts[-1].set_default_timeout(1000 * PATIENCE)
        return Visitor(contexts[-1].new_page(), server.url)

    if browser is None:
        leave_out("Chromium")
    yield open_window
    for context in contexts:
        context.close()
