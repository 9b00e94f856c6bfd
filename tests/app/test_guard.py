"""Exceptions on a page: one sentence there, one line in the log."""

from page_text import text
from streamlit.testing.v1 import AppTest

from mnistdash.settings import PROJECT
from mnistdash.ui import widgets

FAILS = """
import time
import streamlit as st
from mnistdash.exceptions import RunError
from mnistdash.ui import page, widgets

@st.fragment
@widgets.guarded("A part")
def part():
    if st.button("Break", key="break"):
        raise KeyError("what Anna typed")
    if st.button("Refuse", key="refuse"):
        raise RunError("There is no *run* <b>named</b> so.")
    if st.button("Stop", key="stop"):
        st.stop()
    if st.button("Wait", key="wait"):
        time.sleep(0.3)
    st.markdown("the end of the part")

with page.page("Home"):
    part()
    st.markdown("the rest of the page")
"""


def open_failing_page(tmp_path) -> AppTest:
    (tmp_path / "app.py").write_text(FAILS)
    (tmp_path / "pages").mkdir()
    for name in ("draw", "train", "errors"):
        (tmp_path / "pages" / f"{name}.py").write_text("")
    return AppTest.from_file(str(tmp_path / "app.py"), default_timeout=60).run()


def test_an_unexpected_exception_shows_no_details_and_is_logged_without_its_message(tmp_path, models, failures):
    test = open_failing_page(tmp_path)
    assert not test.error
    test.button(key="break").click().run()
    assert not test.exception
    assert [error.value for error in test.error] == [
        "Something went wrong and was logged. Reload the page to continue."
    ]
    assert "the rest of the page" in text(test)
    assert len(failures.found) == 1
    assert failures.found[0].startswith("A part: KeyError at app.py:")
    assert "Anna" not in failures.found[0]
    failures.found.clear()
    test.run()
    assert not test.error, "the error disappears on the next run"


def test_an_expected_exception_shows_its_message_with_markdown_escaped(tmp_path, models):
    test = open_failing_page(tmp_path)
    test.button(key="refuse").click().run()
    assert [error.value for error in test.error] == [r"There is no \*run\* \<b\>named\</b\> so."]
    assert "the rest of the page" in text(test)


def test_stopping_a_page_is_not_an_error(tmp_path, models):
    test = open_failing_page(tmp_path)
    test.button(key="stop").click().run()
    assert not test.error
    assert "the end of the part" not in text(test)


def test_a_slow_fragment_is_logged(tmp_path, models, monkeypatch, caplog):
    monkeypatch.setattr(widgets, "SLOW_SECONDS", 0.2)
    test = open_failing_page(tmp_path)
    widgets.log.parent.propagate = True
    test.button(key="wait").click().run()
    slow = [record for record in caplog.records if record.message == "slow" and record.page == "A part"]
    assert slow
    assert 0.3 <= slow[0].seconds < 60


def test_read_only_mode_offers_no_changes(page, with_sample, flagship, monkeypatch):
    monkeypatch.setenv("MNISTDASH_READONLY", "1")
    train = page("train")
    keys = {element.key for element in [*train.button, *train.selectbox, *train.text_input]}
    assert "start" not in keys
    assert not {"delete", "restore_now", "name", "stop"} & keys
    assert "Read-only mode: training is disabled." in text(train)
    assert "Restore" not in text(train)
    errors = page("errors")
    errors.query_params["digit"] = "0"
    errors.run()
    assert errors.text_input(key="note").disabled
    assert not page("draw").exception


def test_an_invalid_setting_is_shown_on_every_page(page, with_sample, monkeypatch):
    monkeypatch.setenv("MNISTDASH_QUEUE", "many")
    test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=90).run()
    monkeypatch.delenv("MNISTDASH_QUEUE")  # teardown reads the settings
    assert [error.value for error in test.error] == [r"MNISTDASH\_QUEUE must be a whole number above 0, not 'many'."]
