import re
import subprocess
import sys
import time

import pytest
from streamlit.testing.v1 import AppTest

from mnistdash.jobs.queue import JobQueue
from mnistdash.settings import PROJECT

TIMEOUT = 90  # seconds
PAGES = ("pages/draw.py", "pages/train.py", "pages/errors.py")


@pytest.mark.slow
def test_no_page_imports_tensorflow(flagship, environment):
    """Use a fresh process, because other tests load TensorFlow."""
    visit = f"""
import sys
from streamlit.testing.v1 import AppTest
test = AppTest.from_file({str(PROJECT / "app.py")!r}, default_timeout=90).run()
assert not test.exception, test.exception
for page in {PAGES!r}:
    test.switch_page(page).run()
    assert not test.exception, test.exception
heavy = [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras", "jax", "torch")]
assert not heavy, heavy
print("visited all")
"""
    done = subprocess.run([sys.executable, "-c", visit], capture_output=True, text=True, env=environment, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    assert "visited all" in done.stdout
    assert '"failed"' not in done.stderr


@pytest.mark.parametrize("name", ["home", "draw", "train", "errors"])
def test_without_a_model_every_page_says_what_to_do(page, with_sample, name):
    test = page(name)
    infos = " ".join(element.value for element in test.info)
    assert re.search("no (model|run)s? yet", infos.lower())


@pytest.mark.parametrize("name", ["home", "draw", "train", "errors"])
def test_every_page_reports_an_unresponsive_dashboard(page, with_sample, monkeypatch, name):
    monkeypatch.setattr(JobQueue, "notice", lambda queue: "Another dashboard does not respond.")
    assert "Another dashboard does not respond." in [element.value for element in page(name).warning]


def notice(test: AppTest) -> str:
    """Wait for the notice that MNIST is not available, and return it."""
    deadline = time.monotonic() + TIMEOUT
    while not (found := [element.value for element in test.markdown if "MNIST is not available" in element.value]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
        test.run()
    return found[0]


@pytest.mark.parametrize("name", ["home", "train", "errors"])
def test_without_mnist_pages_that_use_data_explain_it_and_offer_a_retry(page, flagship, offline, name):
    test = page(name)
    assert "could not be downloaded" in notice(test)
    assert "1,797 handwritten digits" in notice(test)
    test.button(key="retry").click().run()
    assert notice(test)
    assert not test.exception
