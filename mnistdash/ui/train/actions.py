"""What can be done with a run on Train: download, continue, rename, delete."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from mnistdash.jobs import conversions
from mnistdash.runs import archive, config, events, history, store, weights
from mnistdash.runs.run import ACTIVE, KERAS, TFLITE, Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.train import form, snippets


def show(run: Run) -> None:
    """A button for each; to be called inside a horizontal container."""
    with st.popover("Download", icon=":material/download:", key="downloads"):
        _downloads(run)
    if resources.settings().readonly:
        return
    with st.popover("Continue", icon=":material/resume:", key="continuing", disabled=not weights.can_continue(run)):
        _ask_continue(run)
    with st.popover("Rename", icon=":material/edit:", key="renaming", disabled=_is_fixed(run)):
        _ask_name(run)
    if st.button("Delete", icon=":material/delete:", key="delete", disabled=_is_fixed(run)):
        _ask_delete(run)


def _is_fixed(run: Run) -> bool:
    """Whether a run can be neither renamed nor deleted now."""
    return run.name == store.SHIPPED or run.status in ACTIVE


def _downloads(run: Run) -> None:
    """Show the download buttons of a run; a file is read or made when its button is pressed."""

    def offer(
        label: str, file_name: str, data: Callable[[], bytes | str], mime: str, snippet: str | None = None
    ) -> None:
        st.download_button(label, data, file_name, mime, key=f"download-{label}", on_click="ignore", width="stretch")
        if snippet is not None:
            with st.expander("Use in Python", icon=":material/code:"):
                st.code(snippet.format(name=run.name), "python")

    if run.card is not None:
        for label, file, snippet in (("Keras", KERAS, snippets.KERAS), ("LiteRT", TFLITE, snippets.TFLITE)):
            suffix, path = Path(file).suffix, run.folder / file
            offer(f"{label} ({suffix})", f"{run.name}{suffix}", path.read_bytes, "application/octet-stream", snippet)
        offer(
            "SavedModel (.zip)",
            f"{run.name}-savedmodel.zip",
            lambda: conversions.saved_model_zip(run),
            "application/zip",
            snippets.SAVED_MODEL,
        )
    if (run.folder / weights.WEIGHTS).is_file() and run.card is not None:
        offer("Whole run (.zip)", f"{run.name}.zip", lambda: archive.pack_run(run), "application/zip")
    offer(
        "History (.csv)", f"{run.name}.csv", lambda: history.epochs_csv(events.read_events(run.folder)[0]), "text/csv"
    )
    if run.card is not None:
        st.caption("TensorFlow takes some seconds to make a SavedModel. A whole run can be restored.")


def _ask_continue(run: Run) -> None:
    """Fields for how to go on from a run's best weights, in a run of its own."""
    st.markdown(f"A new run with the settings of {run.name} begins with its best weights.")
    with st.form(f"continue-{run.name}", border=False):
        epochs = st.number_input("More epochs", 1, config.MAX_EPOCHS, 5)
        rate = st.number_input(
            "Learning rate",
            *config.LEARNING_RATE_RANGE,
            max(config.LEARNING_RATE_RANGE[0], run.config.learning_rate / 2),
            format="%g",
        )
        if not st.form_submit_button("Start", type="primary"):
            return
    models = resources.settings().models
    form.submit([lambda: config.resume_config(run.config, models, epochs=epochs, learning_rate=rate)])


def _ask_name(run: Run) -> None:
    """A field for another name."""
    with st.form(f"rename-{run.name}", border=False):
        name = st.text_input("New name", run.name, max_chars=64)
        if not st.form_submit_button("Rename"):
            return
    try:
        store.rename_run(run, name.strip())
    except store.RunError as error:
        widgets.show_error(error)
        return
    st.session_state.next_run = name.strip()
    st.rerun()


@st.dialog("Delete this run?")
def _ask_delete(run: Run) -> None:
    """Delete a run once the user has said so again."""
    st.markdown(f"The weights and curves of **{run.name}** will be gone for good.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete_now"):
            try:
                store.remove_run(run)
            except store.RunError as error:
                widgets.show_error(error)
                return
            st.rerun()
        if st.button("Keep it", key="keep"):
            st.rerun()
