"""Draw: predict a drawing, an image file or a photo."""

import streamlit as st

from mnistdash.ui import page
from mnistdash.ui.draw import board

with page.page("Draw"):
    st.title("Draw", anchor=False)
    board.load_transferred_digit()
    source, run = board.choose_settings()
    if run is not None:
        board.show(source, run)
