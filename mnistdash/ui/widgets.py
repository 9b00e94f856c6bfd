"""Widgets."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnistdash.data.dataset import SPLITS, Dataset
from mnistdash.evaluation.predictions import Analysis
from mnistdash.exceptions import DataError, ImageError, SettingsError
from mnistdash.runs import store
from mnistdash.runs.run import Run
from mnistdash.system.logging import error_fields
from mnistdash.text import escape_markdown
from mnistdash.ui.resources import _loading, prediction_task, settings

log = logging.getLogger(__name__)


HEADING = 48  # pixels


POLL = 0.5  # seconds between two looks at a download


AT_ONCE = 1.0  # seconds; data that is there within them needs no progress bar


SLOW = 3.0  # seconds of a page or a part of it that are worth a line in the log


EXPECTED = (store.RunError, DataError, ImageError, SettingsError)  # their messages are sentences for users


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
        show_error(error)
        log.warning("refused", extra={"page": name, **error_fields(error)})
    except Exception as error:  # whatever it is: a visitor gets a sentence, and the others their page
        st.error("Something went wrong here. It has been logged; reload the page to go on.", icon=":material/error:")
        log.error("failed", extra={"page": name, **error_fields(error)})
    finally:
        seconds = time.perf_counter() - began
        if seconds > SLOW:
            log.warning("slow", extra={"page": name, "seconds": round(seconds, 1)})


def explain_star(shown: Iterable[Run]) -> None:
    """What the star of `Card.validation` means, where one of these runs has it."""
    if any(run.card is not None and run.card.validation_seen for run in shown):
        st.caption("\\* Trained on the validation images too, so this figure is too good.")


def show_error(what: object, icon: str = ":material/error:") -> None:
    """Show why something was refused; what a user typed means nothing but itself in it."""
    st.error(escape_markdown(str(what)), icon=icon)


def heading(text: str) -> DeltaGenerator:
    """A subheading, in a row that is as high with something beside it as without; returns the row."""
    row = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", height=HEADING, border=False
    )
    row.subheader(text, anchor=False)
    return row


def dataset() -> Dataset:
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


def model_picker() -> Run | None:
    """Let the user choose a model; None, with a word on how to get one, where there is none."""
    models = {run.name: run for run in store.list_models(settings().models)}
    if not models:
        st.info("There is no model yet.", icon=":material/model_training:")
        st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
        return None
    # Shown by their plain names, as what is shown is also what stands in the page's address.
    name = st.selectbox("Model", list(models), key="model", bind="query-params")
    return models[name]


def analysis(run: Run, data: Dataset, split: str) -> Analysis:
    """What a model makes of a split; the page waits here, and shows how far it is, until it is there."""
    background = prediction_task(run, data)
    background.want(split)
    if not background.wait(split, AT_ONCE):
        show_prediction_progress(run, data, split)
        st.stop()
    return background.result(split)


@st.fragment(run_every=POLL)
@guarded("Reading")
def show_prediction_progress(run: Run, data: Dataset, split: str) -> None:
    """How far the analysis of a split is; the page runs again when it is done."""
    background = prediction_task(run, data)
    if background.wait(split, 0):
        st.rerun()
    text = f"{run.name} reads the {len(data.split(split)):,} digits of the {split} split …"
    st.progress(background.progress(split), text)


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


def _size(data: Dataset) -> str:
    return f"{sum(len(data.split(name)) for name in SPLITS):,}"
