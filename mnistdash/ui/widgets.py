"""Widgets that several pages share."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnistdash.data.dataset import SPLITS, Dataset
from mnistdash.evaluation.predictions import SplitPredictions
from mnistdash.exceptions import MnistdashError
from mnistdash.runs import store
from mnistdash.runs.run import Run
from mnistdash.system.logging import error_fields
from mnistdash.text import escape_markdown
from mnistdash.ui import resources
from mnistdash.ui.background import BackgroundTask

T = TypeVar("T")

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5  # between two updates of a progress bar
QUICK_SECONDS = 0.5  # a task that takes no longer shows no progress bar
SLOW_SECONDS = 3.0  # a page or fragment that takes longer is logged


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Show exceptions as one sentence and log them; also a decorator, for fragments.

    Args:
        name: of the page or fragment, for the log.
    """
    started = time.perf_counter()
    try:
        yield
    except MnistdashError as error:  # their messages are written for users
        show_error(error)
        log.warning("refused", extra={"page": name, **error_fields(error)})
    except Exception as error:
        st.error("Something went wrong and was logged. Reload the page to continue.", icon=":material/error:")
        log.error("failed", extra={"page": name, **error_fields(error)})
    finally:
        seconds = time.perf_counter() - started
        if seconds > SLOW_SECONDS:
            log.warning("slow", extra={"page": name, "seconds": round(seconds, 1)})


def show_error(message: object, icon: str = ":material/error:") -> None:
    """Show an error message, with Markdown escaped: it may quote user input."""
    st.error(escape_markdown(str(message)), icon=icon)


def segments(label: str, options: Iterable[Any], **arguments: Any) -> Any:
    """Show a segmented control without its label, and return the option that is always selected."""
    return st.segmented_control(label, options, required=True, label_visibility="collapsed", **arguments)


def heading(text: str) -> DeltaGenerator:
    """Show a subheading and return its row, which is equally high with and without a widget beside it."""
    row = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", height=48, border=False
    )
    row.subheader(text, anchor=False)
    return row


def explain_star(runs: Iterable[Run]) -> None:
    """Explain the star of `Card.validation` if one of these runs has it."""
    if any(run.card is not None and run.card.validation_seen for run in runs):
        st.caption("\\* Also trained on the validation images, so this figure is optimistic.")


def model_picker() -> Run | None:
    """Let the user choose a model. If there is none, link to Train and return None."""
    models = {run.name: run for run in store.list_models(resources.settings().models)}
    if not models:
        st.info("No model yet.", icon=":material/model_training:")
        st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
        return None
    return models[st.selectbox("Model", list(models), key="model", bind="query-params")]


def dataset() -> Dataset:
    """Return the data set all sessions share. Stop the page until it is loaded."""
    task = resources.data_task()
    loaded = result_or_progress(task, "Loading MNIST (the first time, this downloads 12 MB) …")
    if loaded is None:
        st.stop()
    data, reason = loaded
    if reason is not None:
        count = sum(len(data.split(name)) for name in SPLITS)
        with st.container(border=True, key="sample_notice"):
            st.markdown(
                f":material/cloud_off: **MNIST is not available.** {reason} These pages use the offline sample "
                f"instead: {count:,} handwritten digits from scikit-learn, coarser than MNIST."
            )
            if st.button("Try again", icon=":material/refresh:", key="retry"):
                task.restart()
                st.rerun()
    return data


def split_predictions(run: Run, data: Dataset, split_name: str) -> SplitPredictions:
    """Return a model's predictions for a split. Stop the page or fragment until they are computed."""
    label = f"Classifying the {len(data.split(split_name)):,} digits of the {split_name} split with {run.name} …"
    found = result_or_progress(resources.prediction_task(run, data, split_name), label)
    if found is None:
        st.stop()
    return found


def result_or_progress(task: BackgroundTask[T], label: str) -> T | None:
    """Return a task's result; None if its progress or its error is shown instead.

    Args:
        task: the task. When it finishes, the page runs again.
        label: of the progress bar.
    """
    if not task.wait(QUICK_SECONDS):
        _show_progress(task, label)
        return None
    result = None
    with guarded("Background task"):
        result = task.result()
    if result is None:
        st.button("Try again", icon=":material/refresh:", key=f"retry-{id(task)}", on_click=task.restart)
    return result


@st.fragment(run_every=POLL_SECONDS)
@guarded("Progress")
def _show_progress(task: BackgroundTask[Any], label: str) -> None:
    if task.wait(0):
        st.rerun()
    st.progress(task.progress, label)
