"""Parts of the home page: links to the other pages, the models, the data."""

import numpy as np
import streamlit as st

from mnistdash.data.dataset import SPLITS, Dataset
from mnistdash.runs import store
from mnistdash.ui import page, resources, widgets
from mnistdash.ui.components import plotly_chart
from mnistdash.ui.html import digits
from mnistdash.ui.plots import training

DESCRIPTIONS = {
    "Draw": "Use a mouse, finger or pen. The prediction and all ten probabilities follow every stroke.",
    "Train": "Choose a recipe, from softmax regression to our best network, and follow loss and accuracy live.",
    "Errors": "See which digits a model misclassifies and why, with evidence maps, perturbations, similar training "
    "digits and human labels.",
}
SPLIT_NAMES = {"train": "Training", "validation": "Validation", "test": "Test"}
EXAMPLES = 4  # of each digit


def show_pages() -> None:
    """Show a card for each of the other pages."""
    for column, (path, name, icon) in zip(st.columns(3, gap="medium"), page.PAGES[1:], strict=True):
        with column.container(border=True, height="stretch", key=f"way-{name}"):
            st.page_link(path, label=f"**{name}**", icon=icon)
            st.markdown(DESCRIPTIONS[name])


def show_models() -> None:
    """Show the trained models in a table."""
    models = store.list_models(resources.settings().models)
    if not models:
        st.info("No models yet. Train one to see it here.", icon=":material/model_training:")
        return
    rows = [
        {
            "Model": run.name,
            "Test accuracy": f"{card.test_accuracy:.2%}{'' if card.data == 'mnist' else ' (sample)'}",
            "Validation accuracy": card.validation,
            "Parameters": f"{card.parameters:,}",
            "File": f"{card.bytes / 1e6:.2f} MB",
            "Recipe": card.recipe,
        }
        for run in models
        if (card := run.card) is not None
    ]
    st.table(rows, border="horizontal", hide_index=True)
    widgets.explain_star(models)


def show_data(data: Dataset) -> None:
    """Show the sizes of the splits, the images per digit and some examples."""
    name = "MNIST" if data.name == "mnist" else "The offline sample"
    total = sum(len(data.split(split)) for split in SPLITS)
    st.markdown(
        f"{name}: {total:,} handwritten digits, 28 × 28 gray pixels each. Networks learn from the training split, "
        "settings are chosen on the validation split, and results are reported on the test split."
    )
    for column, (split, title) in zip(st.columns(3, gap="medium"), SPLIT_NAMES.items(), strict=True):
        column.metric(title, f"{len(data.split(split)):,}", border=True)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Images per digit", anchor=False)
        counts = {split: np.bincount(data.split(split).labels, minlength=10) for split in SPLIT_NAMES}
        chart = training.digit_counts_chart(counts)
        plotly_chart.chart(chart, key="digit_counts", alt="Images per digit in each split")
    with right:
        st.subheader("Examples", anchor=False)
        labels = data.train.labels
        chosen = np.stack([np.flatnonzero(labels == digit)[:EXAMPLES] for digit in range(10)]).T.ravel()
        st.html(digits.samples(data.train.images[chosen], labels[chosen]))
        st.caption(f"The first {EXAMPLES} training images of each digit.")
