"""Errors: the digits that a model misclassifies, and why."""

import streamlit as st

from mnistdash.data.dataset import SPLITS
from mnistdash.ui import page, resources, widgets
from mnistdash.ui.errors import explorer

with page.page("Errors"):
    st.title("Errors", anchor=False)
    data = widgets.dataset()
    explorer.check_link(data)
    with st.container(horizontal=True):
        with st.container(width=320):
            run = widgets.model_picker()
        name = st.selectbox("Split", SPLITS, key="split", bind="query-params", width=320)
    if run is not None:
        widgets.split_predictions(run, data, name)
        explorer.show_link_problems()
        for other in SPLITS:  # classify the other splits in the background
            resources.prediction_task(run, data, other)
        explorer.explore(run, data, name)
