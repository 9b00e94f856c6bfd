"""Home: what this is, the models and what they reach, the data at a glance."""

import numpy as np
import streamlit as st

from mnistdash.runs import store
from mnistdash.ui import page, resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.html import digits
from mnistdash.ui.plots import training

SAMPLES = 4  # of each digit


with page.page("Home"):
    st.title("mnistdash", anchor=False)
    st.markdown(
        "Draw a digit and see a neural network read it, or train a network of your own and watch it learn. "
        "Then look at the digits it still gets wrong, and judge for yourself whether you would have read them better."
    )

    ways = st.columns(3, gap="medium")
    for column, (path, label, icon), text in zip(
        ways,
        page.PAGES[1:],
        (
            "Draw with mouse, finger or pen. The answer follows every stroke, with all ten probabilities.",
            "Pick a recipe, from softmax regression to our best network, and follow loss and accuracy live.",
            "See which digits it misreads, and why: what the decision hangs on, what would change it, what people say.",
        ),
        strict=True,
    ):
        with column.container(border=True, height="stretch", key=f"way-{label}"):
            st.page_link(path, label=f"**{label}**", icon=icon)
            st.markdown(text)

    st.header("Models", anchor=False)
    models = store.list_models(resources.settings().models)
    if models:
        st.table(
            [
                {
                    "Model": run.name,
                    "Test accuracy": f"{run.card.test_accuracy:.2%}{'' if run.card.data == 'mnist' else ' (sample)'}",
                    "Validation accuracy": run.card.validation,
                    "Parameters": f"{run.card.parameters:,}",
                    "File": f"{run.card.bytes / 1e6:.2f} MB",
                    "Recipe": run.card.recipe,
                }
                for run in models
            ],
            border="horizontal",
            hide_index=True,
        )
        widgets.explain_star(models)
    else:
        st.info("There is no model yet. Train one to fill this table.", icon=":material/model_training:")

    st.header("Data", anchor=False)
    data = widgets.dataset()
    name = "MNIST" if data.name == "mnist" else "The offline sample"
    splits = "train", "validation", "test"
    total = sum(len(data.split(split)) for split in splits)
    st.markdown(
        f"{name}: {total:,} handwritten digits, 28 × 28 grey pixels each. A network learns from the training split, "
        "settings are chosen on the validation split, and the test split is what is reported."
    )
    for column, split in zip(st.columns(3, gap="medium"), splits, strict=True):
        column.metric({"train": "Training"}.get(split, split.capitalize()), f"{len(data.split(split)):,}", border=True)

    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Images per digit", anchor=False)
        counts = {split: np.bincount(data.split(split).labels, minlength=10) for split in splits}
        plotly_chart.chart(
            training.digit_counts_chart(counts), key="digit_counts", alt="Images per digit in each split"
        )
    with right:
        st.subheader("A few of each", anchor=False)
        train = data.train
        chosen = np.stack([np.flatnonzero(train.labels == digit)[:SAMPLES] for digit in range(10)]).T.ravel()
        st.html(digits.samples(train.images[chosen], train.labels[chosen]))
        st.caption(f"The first {SAMPLES} training images of each digit.")
