"""Test errors that resemble a drawing."""

import numpy as np
import streamlit as st

from mnistdash.evaluation import predictions
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.components.clickable_html import clickable
from mnistdash.ui.html import digits

COUNT = 8  # digits


def show_similar_errors(run: Run, view: np.ndarray) -> None:
    """Show the misclassified test digits closest to a drawing in feature space; clicking one opens it on Errors.

    Args:
        run: the run whose model predicts.
        view: (28, 28) float32 in [0, 1], the network's input.
    """
    model = resources.model(run)
    if not model.has_features or not st.toggle("Show similar test errors", key="similar", persist_state="session"):
        return
    data = widgets.dataset()
    found = widgets.split_predictions(run, data, "test")
    errors = found.result.errors
    if not len(errors):
        st.success(f"{run.name} makes no errors on the test split.", icon=":material/check_circle:")
        return
    features = found.pca.project(model.predict_with_features(view[None])[1])[0]
    nearest = predictions.nearest_neighbors(found.features[errors], features, COUNT)
    st.caption(
        f"Most similar of the {len(errors):,} test digits that {run.name} misclassifies (penultimate-layer features): "
        "true → predicted."
    )
    with st.container(key="similar_digits"):
        html = digits.gallery_of(data.test.images, found.result, errors[nearest], pick=True)
        # Both pages share the selected model.
        clickable(
            html, "similar_picked", lambda index: st.switch_page("pages/errors.py", query_params={"digit": index})
        )
