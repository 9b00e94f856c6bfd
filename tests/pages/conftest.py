"""Pages run through Streamlit's own test harness, without a browser."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnistdash import datasets, ui
from mnistdash.settings import PROJECT

TIMEOUT = 90  # seconds; a slow machine must not fail a test of what a page says


@pytest.fixture(autouse=True)
def fresh_server(monkeypatch):
    """What one server caches must not reach the next test; no process stands by to train."""
    monkeypatch.setenv("MNISTDASH_STAND_BY", "0")
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def with_sample(monkeypatch, sample):
    """The pages find the offline sample at once, as if it were MNIST: no notice, nothing to wait for."""
    monkeypatch.setattr(datasets, "load_or_sample", lambda *_, **__: (sample, None))
    return sample


@pytest.fixture
def page(models):
    """Open a page the way a visitor does, by way of the home page: page("draw")."""

    def open_page(name: str) -> AppTest:
        test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=TIMEOUT)
        if name != "home":
            test.switch_page(f"pages/{name}.py")
        test.run()
        assert not test.exception
        return test

    yield open_page
    ui.jobs().close()
