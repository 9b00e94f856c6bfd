"""Home: the pages, the models and the data."""

import streamlit as st

from mnistdash.ui import home, page, widgets

with page.page("Home"):
    st.title("mnistdash", anchor=False)
    st.markdown(
        "Draw a digit and watch a neural network predict it, or train your own network and follow its progress. "
        "Then explore the digits that it misclassifies, and judge whether you could have read them yourself."
    )
    home.show_pages()
    st.header("Models", anchor=False)
    home.show_models()
    st.header("Data", anchor=False)
    home.show_data(widgets.dataset())
