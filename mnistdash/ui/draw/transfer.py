"""Hands a misread digit over to Draw, where one can erase parts of it and draw on it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

import numpy as np
import streamlit as st

from mnistdash.ui.html import sprites

SCALE = 10  # times; 28 pixels fill the canvas's 280


@dataclass(frozen=True)
class TransferredDigit:
    """A digit that another page hands over.

    Attributes:
        image: (28, 28) uint8, 255 = ink.
        title: what it is: "Test digit no. 1,234: a 4 read as 9".
        model: name of the run that read it.
        back: query parameters of the errors page that it came from.
    """

    image: np.ndarray
    title: str
    model: str
    back: dict[str, str] = field(default_factory=dict)

    @cached_property
    def picture(self) -> np.ndarray:
        """(280, 280) uint8, 255 = ink: the digit as the canvas shows it, each pixel to be told apart."""
        return self.image.repeat(SCALE, 0).repeat(SCALE, 1)

    def as_object(self) -> dict:
        """The digit as an object of Fabric.js, the canvas's library, which fills the canvas."""
        # It comes enlarged, so that no browser smooths it.
        source = sprites.png_url(self.picture)
        return {"type": "Image", "src": source, "left": 0, "top": 0, "originX": "left", "originY": "top"}


def to_draw(image: np.ndarray, title: str, model: str, back: dict[str, str] | None = None) -> NoReturn:
    """Go to Draw, which starts with this digit on the canvas; may be called in a fragment.

    Args:
        image: (28, 28) uint8, 255 = ink.
        title: what it is, without a full stop: "Test digit no. 1,234: a 4 read as 9".
        model: name of the run that is to read it.
        back: query parameters of the errors page, for the way back.
    """
    st.session_state.handover = TransferredDigit(image, title, model, back or {})
    # The model is not among the query parameters: Streamlit refuses those that are bound to a widget of the page
    # that one comes from.
    st.switch_page("pages/draw.py", query_params={})


def take_transfer() -> TransferredDigit | None:
    """What was handed over since this was last called."""
    return st.session_state.pop("handover", None)


def show_banner(digit: TransferredDigit) -> None:
    """Say what is on the canvas, with the way back."""
    # In two lines, as the canvas's own tools appear right above it: beside the link they cover nothing.
    with st.container(gap="xxsmall", key="handed"):
        st.markdown(f"**{digit.title}.** Erase or draw on it.")
        st.page_link(
            "pages/errors.py", label="Back to the errors", icon=":material/arrow_back:", query_params=digit.back
        )
