"""What the pages share: the frame, cached loaders, common widgets."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mnistdash.system.malloc import limit_malloc_arenas, trim_memory_periodically
from mnistdash.ui.html import digits
from mnistdash.ui.resources import jobs
from mnistdash.ui.widgets import guarded

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/draw.py", "Draw", ":material/draw:"),
    ("pages/train.py", "Train", ":material/model_training:"),
    ("pages/errors.py", "Errors", ":material/troubleshoot:"),
)
TIDY = 30.0  # seconds between two times that a server gives memory back

_runs_of_pages: Counter[str] = Counter()  # of this process, whose memory outlives what Streamlit caches


@contextmanager
def page(title: str) -> Iterator[None]:
    """Set a page up, draw the sidebar, and guard what the page does; around all of every page."""
    _spare_memory(title)
    icon = next(icon for _, name, icon in PAGES if name == title)
    st.set_page_config(page_title=f"{title} · mnistdash", page_icon=icon, layout="wide")
    accent, text = map(_colour, ("primaryColor", "textColor"))
    st.html(f"<style>:root {{ --md-accent: {accent}; --md-text: {text}; }}{digits.STYLE}</style>")
    with st.sidebar:
        st.subheader("mnistdash", anchor=False)
        for path, name, link_icon in PAGES:
            st.page_link(path, label=name, icon=link_icon, width="stretch")
    with guarded(title):
        jobs()  # starts the queue
        yield


def _spare_memory(title: str) -> None:
    """Keep what lives as long as the server from the garbage collector, and memory from being scattered.

    That is what a page imports, and what its first charts make plotly load.
    """
    if not _runs_of_pages:
        limit_malloc_arenas()
        trim_memory_periodically(TIDY)
    _runs_of_pages[title] += 1
    if _runs_of_pages[title] in (1, 3):
        gc.collect()
        gc.freeze()


def _colour(name: str) -> str:
    """A theme's colour for CSS, right at once when someone chooses the other theme, before the page runs again."""
    return f"light-dark({st.get_option(f'theme.light.{name}')}, {st.get_option(f'theme.dark.{name}')})"
