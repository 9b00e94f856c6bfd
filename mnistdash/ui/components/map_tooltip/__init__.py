"""A tooltip with the image of the digit under the pointer, for the map of digits."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "mnistdash.map_pictures",
    html='<div class="md-hover" hidden><div></div><div></div></div>',
    css=Path(__file__).with_name("component.css").read_text("utf-8"),
    js=Path(__file__).with_name("component.js").read_text("utf-8"),
    isolate_styles=False,
)


def map_tooltip(picture: bytes, key: str) -> None:
    """Show each digit's image under the pointer, on the map in the container `digits_map`.

    Args:
        picture: all digits of the map, made by `plots.map.digits_picture`.
        key: of the element.
    """
    _component(data=picture, key=key)
