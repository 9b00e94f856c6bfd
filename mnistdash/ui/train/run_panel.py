"""One run on Train: progress, curves, errors and features."""

import streamlit as st

from mnistdash.data.dataset import Dataset
from mnistdash.jobs.queue import JobQueue
from mnistdash.runs import recipes
from mnistdash.runs.history import History
from mnistdash.runs.run import ACTIVE, Run
from mnistdash.text import escape_markdown, format_duration
from mnistdash.ui import resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.plots import training
from mnistdash.ui.train import epochs

CURVES, ERRORS, FEATURES = "Curves", "Errors", "Features"


def show(run: Run, jobs: JobQueue, data: Dataset) -> None:
    """Show the progress, the Stop button and the chosen view of a run."""
    so_far = resources.history(run)
    state = jobs.state(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key="progress", width="stretch"):
            st.progress(1.0 if run.status == "finished" else so_far.fraction, progress_text(run, so_far, state))
        if not resources.settings().readonly:
            label = "Cancel" if state == "queued" else "Stop"
            is_over = state not in ("queued", "running")
            st.button(label, icon=":material/stop:", key="stop", disabled=is_over, on_click=jobs.stop, args=(run.name,))
    if run.status == "failed":
        reason, _, log = run.reason.partition("\n")
        widgets.show_error(reason)
        if log:
            st.code(log, language=None, wrap_lines=True)
    elif run.reason:
        st.caption(escape_markdown(run.reason))
    if run.config.sees_validation(len(data.train)):
        st.caption("Also trained on the validation images, so validation results are optimistic.")
    if so_far.why_sample:
        st.warning(f"Trained on the offline sample. {escape_markdown(so_far.why_sample)}", icon=":material/cloud_off:")
    view = widgets.segments("View", (CURVES, ERRORS, FEATURES), default=CURVES, key="view", bind="query-params")
    if view == CURVES:
        _show_curves(run, so_far)
    elif view == ERRORS:
        epochs.show_errors(run, so_far, data)
    else:
        epochs.show_features(run, so_far, data)


def progress_text(run: Run, so_far: History, state: str | None) -> str:
    """Describe the progress of a run in one line; `state` is "queued", "running", "stopping" or None."""
    if state == "stopping":
        return "Stopping and saving the best weights"
    if run.status == "queued" and state != "running":
        return "Queued until another run ends"
    if run.card is not None:
        return (
            f"{run.status.capitalize()}. Best epoch {run.card.best_epoch}: validation accuracy "
            f"{run.card.validation_accuracy:.2%}, test accuracy {run.card.test_accuracy:.2%}."
        )
    if run.status not in ACTIVE:
        return f"{run.status.capitalize()}. No model was saved."
    if so_far.phase in ("waiting", "starting"):
        return "Loading TensorFlow and the data"
    if so_far.phase == "preparing":
        return "Generating training images: redrawn digits and non-digits"
    last = so_far.last_report
    if last is None or so_far.seconds_left is None:
        return f"Epoch 1 of {so_far.epochs_planned}, first steps"
    if so_far.step >= so_far.steps:
        return "Evaluating and exporting the best epoch"
    rate = "" if last.learning_rate is None else f" · learning rate {last.learning_rate:.2g}"
    return (
        f"Epoch {so_far.epoch} of {so_far.epochs_planned}, step {so_far.step:,} of {so_far.steps:,} · "
        f"{format_duration(so_far.seconds_left)} left · {last.images_per_second:,.0f} images/s{rate}"
    )


def _show_curves(run: Run, so_far: History) -> None:
    recipe = recipes.RECIPES.get(run.config.recipe)
    published = recipe.published if recipe else None
    loss, accuracy = st.columns(2, gap="large")
    with loss, st.container(key="loss_chart"):
        with widgets.heading("Loss"):
            log = st.toggle("Log scale", key="log_scale", persist_state="session")
        plotly_chart.chart(training.loss_chart(so_far, log), key="loss_plot", alt=f"Loss of {run.name}")
    with accuracy, st.container(key="accuracy_chart"):
        widgets.heading("Accuracy")
        chart = training.accuracy_chart(so_far, published)
        plotly_chart.chart(chart, key="accuracy_plot", alt=f"Accuracy of {run.name}")
