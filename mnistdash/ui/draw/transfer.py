"""Transfer of a misclassified digit from Errors to Draw, for editing."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import streamlit as st

from mnistdash.ui.html import sprites

SCALE = 10  # 28 pixels fill the canvas's 280


@dataclass(frozen=True)
class TransferredDigit:
    """A digit to edit on Draw.

    Attributes:
        image: (28, 28) uint8, 255 = foreground.
        title: without a full stop: "Test digit no. 1,234: a 4 predicted as 9".
        model: name of the run that predicts it.
        back: query parameters that open it on Errors.
    """

    image: np.ndarray
    title: str
    model: str
    back: dict[str, str] = field(default_factory=dict)

    @cached_property
    def picture(self) -> np.ndarray:
        """(280, 280) uint8, 255 = foreground: the digit as the canvas shows it, with sharp pixels."""
        return self.image.repeat(SCALE, 0).repeat(SCALE, 1)

    def as_object(self) -> dict[str, Any]:
        """Return the digit as a Fabric.js object that fills the canvas."""
        # Enlarged here, as browsers would smooth it.
        source = sprites.png_url(self.picture)
        return {"type": "Image", "src": source, "left": 0, "top": 0, "originX": "left", "originY": "top"}


def to_draw(digit: TransferredDigit) -> NoReturn:
    """Open Draw with a digit on the canvas; works in fragments too."""
    st.session_state.transfer = digit
    # Without the model: Streamlit refuses query parameters that are bound to a widget of the page it leaves.
    st.switch_page("pages/draw.py", query_params={})


def show_banner(digit: TransferredDigit) -> None:
    """Show the title of the digit on the canvas and a link back to Errors."""
    # On two lines: the canvas's toolbar would cover the link.
    with st.container(gap="xxsmall", key="handed"):
        st.markdown(f"**{digit.title}.** Erase or add strokes.")
        st.page_link("pages/errors.py", label="Back to Errors", icon=":material/arrow_back:", query_params=digit.back)
