"""Drawing canvas with pen, eraser, Clear and Undo."""

import contextlib
from typing import Any

import numpy as np
import streamlit as st

from mnistdash.imaging.canvas_payload import parse_canvas
from mnistdash.ui import widgets

SIDE = 280  # pixels, of the canvas for one digit; also the height of the wide one
WIDE = 560  # pixels, the width of the canvas for a number
PEN_WIDTH = 20  # pixels; a fourteenth of the canvas, like a felt pen on a small card
TOOLS = {"Pen": "#ffffff", "Eraser": "#000000"}  # name -> stroke color


def show(key: str, width: int) -> np.ndarray | None:
    """Show a canvas and its buttons.

    Args:
        key: of the canvas in the session state.
        width: in pixels.

    Returns:
        (SIDE, width) uint8, 255 = foreground; None before the first stroke.
    """
    from streamlit_drawable_canvas import st_canvas  # cannot be imported outside a Streamlit server

    # The canvas loses its drawing when the user opens another page.
    if key not in st.session_state:
        load(key, *st.session_state.get(f"{key}_kept", ([], None)))
    with (
        st.container(key="canvas" if width == SIDE else "wide_canvas"),
        # Browsers can send anything, and the canvas fails on some of it after it is on the page.
        contextlib.suppress(AttributeError, KeyError, TypeError),
    ):
        st_canvas(
            stroke_width=st.session_state.get("pen", PEN_WIDTH),
            stroke_color=TOOLS[st.session_state.get("tool", "Pen")],
            background_color="#000000",
            width=width,
            height=SIDE,
            initial_drawing=st.session_state[f"{key}_start"],
            return_image_data=True,
            key=key,
        )
    state = st.session_state.get(key)
    with widgets.guarded("Draw, the canvas"):
        drawing = parse_canvas(state.get("drawing") if isinstance(state, dict) else None, width, SIDE)
        if drawing is not None:
            st.session_state[f"{key}_kept"] = drawing
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.segments("Tool", list(TOOLS), default="Pen", key="tool", persist_state="session")
        st.button("Clear", icon=":material/delete:", key="clear", on_click=clear, args=(key,))
        st.button("Undo", icon=":material/undo:", key="undo", on_click=_undo, args=(key,))
    image: np.ndarray | None = st.session_state[f"{key}_kept"][1]
    return image


def load(key: str, strokes: list[dict[str, Any]], image: np.ndarray | None) -> None:
    """Replace what is on a canvas.

    Args:
        key: of the canvas.
        strokes: Fabric.js objects.
        image: (SIDE, width) uint8, the strokes as pixels, for the time before the canvas sends its own; or None.
    """
    # The number makes the canvas load strokes that equal those it has loaded before.
    number = st.session_state.get(f"{key}_start", {}).get("number", 0) + 1
    st.session_state[f"{key}_start"] = {"objects": strokes, "number": number}
    st.session_state[f"{key}_kept"] = strokes, image


def clear(key: str) -> None:
    """Empty a canvas for the next drawing."""
    load(key, [], None)
    st.session_state.drawings = st.session_state.get("drawings", 0) + 1
    st.session_state.pop("transferred", None)


def _undo(key: str) -> None:
    strokes, image = st.session_state[f"{key}_kept"]
    # A digit from Errors is an image, not a stroke.
    if strokes and strokes[-1]["type"] != "Image":
        load(key, strokes[:-1], image)
