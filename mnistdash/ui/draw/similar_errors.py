"""The misread digits that look to a model like a drawing."""

import numpy as np
import streamlit as st

from mnistdash.evaluation import predictions
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.components.clickable_html import clickable
from mnistdash.ui.html import digits

COUNT = 8  # digits


def similar_errors(run: Run, view: np.ndarray, key: str) -> None:
    """Offer the test digits that a model misreads whose last features are nearest to a drawing's; one opens by a click.

    Args:
        run: whose model it is.
        view: (28, 28) float32 in [0, 1], the drawing as the network saw it.
        key: of the toggle; the digits are in a container that has this key and "_digits".
    """
    if not st.toggle("Test errors that look like yours", key=key, persist_state="session"):
        return
    data = widgets.dataset()
    found = widgets.split_predictions(run, data, "test")
    errors = found.result.errors
    if not len(errors):
        st.success("No digit of the test split is misread.", icon=":material/check_circle:")
        return
    features = found.pca.project(resources.model(run).predict_with_features(view[None])[1])[0]
    nearest, _ = predictions.nearest_neighbors(found.features[errors], features, COUNT)
    st.caption(
        f"Of the {len(errors):,} test digits that {run.name} misreads, those nearest to yours, by the features from "
        "which it decides: true → predicted."
    )
    chosen = errors[nearest]
    with st.container(key=f"{key}_digits"):
        clickable(
            digits.gallery_of(data.test.images, found.result, chosen, pick=True),
            key=f"{key}_picked",
            # Both pages share the model that is chosen.
            on_pick=lambda index: st.switch_page("pages/errors.py", query_params={"digit": index}),
        )
