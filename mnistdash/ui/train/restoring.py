"""Brings a run back from a zip, for hosts whose disk does not last."""

import streamlit as st

from mnistdash.jobs import conversions
from mnistdash.runs import store
from mnistdash.ui import resources, widgets


def show() -> None:
    """Say that runs may not last, and offer to bring one back."""
    with st.container(horizontal=True, vertical_alignment="center", key="restore"):
        st.caption(
            "Runs are kept on this server's disk, and some hosts empty it when they restart. Download as a zip what is "
            "to last.",
            width="stretch",
        )
        with st.popover("Restore a run", icon=":material/upload:", key="restoring"):
            _ask()


def _ask() -> None:
    st.markdown("Choose the zip of a run. Its model is built anew from its weights and scored on this server's data.")
    # Another one after each success, so that it is empty then.
    number = st.session_state.get("restored", 0)
    file = st.file_uploader("Zip of a run", ["zip"], key=f"zip-{number}", label_visibility="collapsed")
    if not st.button("Restore", type="primary", key="restore_now", disabled=file is None):
        return
    try:
        resources.jobs().check_limits(queued=False)
        with st.spinner("Building and scoring its model …"):
            name = conversions.restore(file.getvalue(), resources.settings().models)
    except store.RunError as error:
        widgets.show_error(error)
        return
    st.session_state.restored = number + 1
    st.session_state.next_run = name
    st.rerun()
