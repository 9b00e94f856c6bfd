"""Actions on runs on Train: download, continue, rename, delete, restore."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from mnistdash.jobs import conversions
from mnistdash.runs import archive, config, store, weights
from mnistdash.runs.history import epochs_csv
from mnistdash.runs.run import ACTIVE, KERAS, TFLITE, Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.train import form, snippets


def show(run: Run) -> None:
    """Show the buttons for a run; call this inside a horizontal container."""
    with st.popover("Download", icon=":material/download:", key="downloads"):
        _downloads(run)
    if resources.settings().readonly:
        return
    with st.popover("Continue", icon=":material/resume:", key="continuing", disabled=not weights.can_continue(run)):
        _show_continue_form(run)
    is_fixed = run.name == store.SHIPPED or run.status in ACTIVE
    with st.popover("Rename", icon=":material/edit:", key="renaming", disabled=is_fixed):
        _show_rename_form(run)
    if st.button("Delete", icon=":material/delete:", key="delete", disabled=is_fixed):
        _confirm_delete(run)


def show_restore() -> None:
    """Explain that runs may be lost, and offer to restore one."""
    with st.container(horizontal=True, vertical_alignment="center", key="restore"):
        st.caption(
            "Runs are stored on this server's disk, which some hosts erase when they restart. Download runs you want "
            "to keep.",
            width="stretch",
        )
        with st.popover("Restore a run", icon=":material/upload:", key="restoring"):
            _show_restore_form()


def _downloads(run: Run) -> None:
    """Show the download buttons of a run; a file is read or made when its button is pressed."""

    def offer(label: str, name: str, data: Callable[[], bytes | str], mime: str, snippet: str = "") -> None:
        st.download_button(label, data, name, mime, key=f"download-{label}", on_click="ignore", width="stretch")
        if snippet:
            with st.expander("Use in Python", icon=":material/code:"):
                st.code(snippet.format(name=run.name), "python")

    if run.card is not None:
        for label, file, snippet in (("Keras", KERAS, snippets.KERAS), ("LiteRT", TFLITE, snippets.TFLITE)):
            suffix, path = Path(file).suffix, run.folder / file
            offer(f"{label} ({suffix})", f"{run.name}{suffix}", path.read_bytes, "application/octet-stream", snippet)
        name, pack = f"{run.name}-savedmodel.zip", partial(conversions.saved_model_zip, run)
        offer("SavedModel (.zip)", name, pack, "application/zip", snippets.SAVED_MODEL)
        if (run.folder / weights.WEIGHTS).is_file():
            offer("Whole run (.zip)", f"{run.name}.zip", lambda: archive.pack_run(run), "application/zip")
    offer("History (.csv)", f"{run.name}.csv", lambda: epochs_csv(resources.history(run)), "text/csv")
    if run.card is not None:
        st.caption("Exporting a SavedModel takes a few seconds. A whole run can be restored later.")


def _show_continue_form(run: Run) -> None:
    st.markdown(f"Start a new run from {run.name}'s best weights, with the same settings.")
    with st.form(f"continue-{run.name}", border=False):
        epochs = st.number_input("More epochs", 1, config.MAX_EPOCHS, 5)
        lowest, highest = config.LEARNING_RATE_RANGE
        half = max(lowest, run.config.learning_rate / 2)
        rate = st.number_input("Learning rate", lowest, highest, half, format="%g")
        if not st.form_submit_button("Start", type="primary"):
            return
    models = resources.settings().models
    form.submit([lambda: config.resume_config(run.config, models, epochs=epochs, learning_rate=rate)])


def _show_rename_form(run: Run) -> None:
    with st.form(f"rename-{run.name}", border=False):
        name = st.text_input("New name", run.name, max_chars=64).strip()
        if not st.form_submit_button("Rename"):
            return
    with widgets.guarded("Train, rename"):
        store.rename_run(run, name)
        st.session_state.next_run = name
        st.rerun()


@st.dialog("Delete this run?")
def _confirm_delete(run: Run) -> None:
    st.markdown(f"The weights and curves of **{run.name}** will be permanently deleted.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete_now"):
            with widgets.guarded("Train, delete"):
                store.remove_run(run)
                st.rerun()
        if st.button("Cancel", key="keep"):
            st.rerun()


def _show_restore_form() -> None:
    st.markdown(
        "Choose the zip file of a run. Its model is rebuilt from the weights and evaluated on this server's data."
    )
    # A new key after each success, so that the uploader is empty.
    number = st.session_state.get("restored", 0)
    file = st.file_uploader("Zip file of a run", ["zip"], key=f"zip-{number}", label_visibility="collapsed")
    if not st.button("Restore", type="primary", key="restore_now", disabled=file is None) or file is None:
        return
    with widgets.guarded("Train, restore"), st.spinner("Rebuilding and evaluating the model …"):
        resources.jobs().check_limits(queued=False)
        name = conversions.restore(file.getvalue(), resources.settings().models)
        st.session_state.update(restored=number + 1, next_run=name)
        st.rerun()
