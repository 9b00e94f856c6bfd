"""Train: choose a recipe, start it, watch it learn, stop it, compare it."""

import streamlit as st

from mnistdash.ui import page, resources, widgets
from mnistdash.ui.train import actions, form, live

with page.page("Train"):
    st.title("Train", anchor=False)
    data = widgets.dataset()
    is_readonly = resources.settings().readonly
    if is_readonly:
        st.info("Read-only mode: training is disabled.", icon=":material/visibility:")
    else:
        form.show(data)
        st.divider()
    live.show(data)
    if not is_readonly:
        actions.show_restore()
