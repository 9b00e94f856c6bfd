"""Pages in Streamlit's test harness, without a browser."""

import gc
import logging
import time
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnistdash.data import sample as data_sample
from mnistdash.settings import PROJECT
from mnistdash.ui.resources import jobs

TIMEOUT = 90  # seconds; a slow machine must not fail a test


@pytest.fixture(autouse=True, scope="module")
def frozen_heap():
    """Exempt the objects of earlier tests from the garbage collection that Streamlit runs after every script."""
    gc.freeze()


@pytest.fixture(autouse=True)
def fresh_server(monkeypatch):
    """Clear the server's caches around each test and start no warm worker."""
    monkeypatch.setenv("MNISTDASH_STAND_BY", "0")
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


class Failures(logging.Handler):
    """Unexpected exceptions on pages: place and type."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(f"{record.page}: {record.error} at {record.where}")


@pytest.fixture(autouse=True)
def failures() -> Iterator[Failures]:
    """Fail the test after an unexpected exception on a page, unless the test clears the list."""
    handler = Failures()
    logger = logging.getLogger("mnistdash.ui.widgets")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    assert handler.found == []


@pytest.fixture
def with_sample(monkeypatch, sample):
    """Make pages load the offline sample in place of MNIST, without a notice."""
    monkeypatch.setattr(data_sample, "load_mnist_or_sample", lambda *_, **__: (sample, None))
    return sample


@pytest.fixture
def page(models):
    """Return a function that opens a page from the home page: page("draw")."""

    def open_page(name: str) -> AppTest:
        test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=TIMEOUT)
        if name != "home":
            test.switch_page(f"pages/{name}.py")
        test.run()
        while name == "errors" and test.get("progress"):  # loading data or predicting
            time.sleep(0.1)
            test.run()
        assert not test.exception
        return test

    yield open_page
    jobs().close()
