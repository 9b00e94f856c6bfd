"""The frame of every page: title, style sheet, sidebar, error handling."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from mnistdash.ui.resources import jobs
from mnistdash.ui.widgets import guarded

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/draw.py", "Draw", ":material/draw:"),
    ("pages/train.py", "Train", ":material/model_training:"),
    ("pages/errors.py", "Errors", ":material/troubleshoot:"),
)
CSS = (Path(__file__).parent / "static" / "style.css").read_text(encoding="utf-8")


@contextmanager
def page(title: str) -> Iterator[None]:
    """Configure a page, draw the sidebar, and handle the errors of the code inside."""
    icon = next(icon for _, name, icon in PAGES if name == title)
    st.set_page_config(page_title=f"{title} · mnistdash", page_icon=icon, layout="wide")
    accent, text = map(_theme_color, ("primaryColor", "textColor"))
    st.html(f"<style>:root {{ --md-accent: {accent}; --md-text: {text}; }}{CSS}</style>")
    with st.sidebar:
        st.subheader("mnistdash", anchor=False)
        for path, name, link_icon in PAGES:
            st.page_link(path, label=name, icon=link_icon, width="stretch")
    with guarded(title):
        if notice := jobs().notice():  # the first call starts the queue
            st.warning(notice, icon=":material/sync_problem:")
        yield


def _theme_color(name: str) -> str:
    """Return a CSS color that follows the theme at once, before the page runs again."""
    return f"light-dark({st.get_option(f'theme.light.{name}')}, {st.get_option(f'theme.dark.{name}')})"
