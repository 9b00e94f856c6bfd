"""What the pages share: the frame, cached loaders, common widgets."""

import atexit
import gc
import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnistdash.data import mnist
from mnistdash.data.idx import DataError
from mnistdash.evaluation.prediction_task import BackgroundAnalysis
from mnistdash.evaluation.predictions import Analysis
from mnistdash.imaging.image_files import ImageError
from mnistdash.inference.model import Model, load
from mnistdash.jobs.queue import Jobs
from mnistdash.runs import store
from mnistdash.settings import Settings, SettingsError
from mnistdash.system.logging import of_error, to
from mnistdash.system.resources import keep_giving_memory_back, share_memory, skip_destructors
from mnistdash.text import plain
from mnistdash.ui.html import digits
from mnistdash.ui.loading import BackgroundLoad

log = logging.getLogger(__name__)

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/draw.py", "Draw", ":material/draw:"),
    ("pages/train.py", "Train", ":material/model_training:"),
    ("pages/errors.py", "Errors", ":material/troubleshoot:"),
)
HEADING = 48  # pixels
POLL = 0.5  # seconds between two looks at a download
WATCHES = 12.0  # seconds after its last look that a session counts as watching
AT_ONCE = 1.0  # seconds; data that is there within them needs no progress bar
TIDY = 30.0  # seconds between two times that a server gives memory back
SLOW = 3.0  # seconds of a page or a part of it that are worth a line in the log
EXPECTED = (store.RunError, DataError, ImageError, SettingsError)  # their messages are sentences for users

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
        jobs()  # what the dashboard before this one left in its queue goes on
        yield


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Tell what goes wrong inside in one sentence, and log it; also a decorator, for what runs again by itself.

    Args:
        name: for the log.
    """
    began = time.perf_counter()
    try:
        yield
    except EXPECTED as error:
        objection(error)
        log.warning("refused", extra={"page": name, **of_error(error)})
    except Exception as error:  # whatever it is: a visitor gets a sentence, and the others their page
        st.error("Something went wrong here. It has been logged; reload the page to go on.", icon=":material/error:")
        log.error("failed", extra={"page": name, **of_error(error)})
    finally:
        seconds = time.perf_counter() - began
        if seconds > SLOW:
            log.warning("slow", extra={"page": name, "seconds": round(seconds, 1)})


def explain_star(shown: Iterable[store.Run]) -> None:
    """What the star of `Card.validation` means, where one of these runs has it."""
    if any(run.card is not None and run.card.validation_seen for run in shown):
        st.caption("\\* Trained on the validation images too, so this figure is too good.")


def objection(what: object, icon: str = ":material/error:") -> None:
    """Show why something was refused; what a user typed means nothing but itself in it."""
    st.error(plain(str(what)), icon=icon)


def heading(text: str) -> DeltaGenerator:
    """A subheading, in a row that is as high with something beside it as without; returns the row."""
    row = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", height=HEADING, border=False
    )
    row.subheader(text, anchor=False)
    return row


@st.cache_resource
def settings() -> Settings:
    """Paths and limits of this server."""
    return Settings.from_environment()


@st.cache_resource
def jobs() -> Jobs:
    """This server's queue of trainings; ending the server ends them."""
    to()
    queue = Jobs(settings())
    queue.adopt(store.list_runs(settings().models))
    atexit.register(queue.close)
    skip_destructors()
    return queue


def watchers(run: str) -> int:
    """How many sessions watch a run; the one that asks is one of them from now on."""
    now, looks = time.monotonic(), _last_looks()
    looks[st.session_state.setdefault("watcher", uuid.uuid4().hex)] = run, now
    for session, (_, at) in list(looks.items()):
        if now - at > WATCHES:
            looks.pop(session, None)
    return sum(watched == run for watched, _ in list(looks.values()))


def dataset() -> mnist.Dataset:
    """The data, one read-only copy for all sessions; the page waits here until it is there."""
    loading = _loading()
    if not loading.wait(AT_ONCE):
        _show_loading()
        st.stop()
    data, why_sample = loading.result()
    if why_sample is not None:
        with st.container(border=True, key="sample_notice"):
            st.markdown(
                f":material/cloud_off: **MNIST is not at hand.** {why_sample} Until then these pages use the offline "
                f"sample: {_size(data)} real handwritten digits from scikit-learn, coarser than MNIST's."
            )
            if st.button("Try again", icon=":material/refresh:", key="retry"):
                loading.retry()
                st.rerun()
    return data


def model_picker() -> store.Run | None:
    """Let the user choose a model; None, with a word on how to get one, where there is none."""
    models = {run.name: run for run in store.list_models(settings().models)}
    if not models:
        st.info("There is no model yet.", icon=":material/model_training:")
        st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
        return None
    # Shown by their plain names, as what is shown is also what stands in the page's address.
    name = st.selectbox("Model", list(models), key="model", bind="query-params")
    return models[name]


def model(run: store.Run) -> Model:
    """A run's network, loaded once for all sessions."""
    return _model(run.name, run.version)


def reading(run: store.Run, data: mnist.Dataset) -> BackgroundAnalysis:
    """What reads the splits with a model, once for all sessions."""
    return _reading(run.name, run.version, data.name, run, data)


def analysis(run: store.Run, data: mnist.Dataset, split: str) -> Analysis:
    """What a model makes of a split; the page waits here, and shows how far it is, until it is there."""
    background = reading(run, data)
    background.want(split)
    if not background.wait(split, AT_ONCE):
        show_reading(run, data, split)
        st.stop()
    return background.result(split)


def features_of(run: store.Run, data: mnist.Dataset, views: np.ndarray) -> np.ndarray:
    """The features of (n, 28, 28) images, as those of a split that is analysed already: (n, d) float32."""
    return reading(run, data).axes.project(model(run).inspect(views)[1])


@st.fragment(run_every=POLL)
@guarded("Reading")
def show_reading(run: store.Run, data: mnist.Dataset, split: str) -> None:
    """How far the analysis of a split is; the page runs again when it is done."""
    background = reading(run, data)
    if background.wait(split, 0):
        st.rerun()
    text = f"{run.name} reads the {len(data.split(split)):,} digits of the {split} split …"
    st.progress(background.progress(split), text)


@st.cache_resource(show_spinner=False)
def _last_looks() -> dict[str, tuple[str, float]]:
    """By session: the run that it watches, and when it last looked."""
    return {}


def _spare_memory(title: str) -> None:
    """Keep what lives as long as the server from the garbage collector, and memory from being scattered.

    That is what a page imports, and what its first charts make plotly load.
    """
    if not _runs_of_pages:
        share_memory()
        keep_giving_memory_back(TIDY)
    _runs_of_pages[title] += 1
    if _runs_of_pages[title] in (1, 3):
        gc.collect()
        gc.freeze()


@st.cache_resource(max_entries=8, show_spinner=False)
def _model(name: str, version: int) -> Model:
    return load(name, settings().models)


@st.cache_resource(max_entries=4, show_spinner=False)
def _reading(name: str, version: int, data_name: str, _run: store.Run, _data: mnist.Dataset) -> BackgroundAnalysis:
    return BackgroundAnalysis(_run, _model(name, version), _data)


@st.cache_resource(show_spinner=False)
def _loading() -> BackgroundLoad:
    return BackgroundLoad(settings())


@st.fragment(run_every=POLL)
@guarded("Loading")
def _show_loading() -> None:
    loading = _loading()
    if loading.wait(0):
        st.rerun()
    if loading.total:
        text = f"Downloading MNIST: {loading.received / 1e6:.1f} of {loading.total / 1e6:.1f} MB"
        st.progress(loading.received / loading.total, text)
    else:
        st.progress(0.0, "Looking for MNIST …")


def _colour(name: str) -> str:
    """A theme's colour for CSS, right at once when someone chooses the other theme, before the page runs again."""
    return f"light-dark({st.get_option(f'theme.light.{name}')}, {st.get_option(f'theme.dark.{name}')})"


def _size(data: mnist.Dataset) -> str:
    return f"{sum(len(data.split(name)) for name in mnist.SPLITS):,}"
