"""HTML with clickable parts, which `st.html` does not offer."""

import re
from collections.abc import Callable
from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "mnistdash.clickable",
    html='<div class="md-clickable"></div>',
    js=Path(__file__).with_name("component.js").read_text("utf-8"),
    isolate_styles=False,
)


def clickable(html: str, key: str, on_pick: Callable[[str], None], kind: str | None = None) -> None:
    """Show HTML.

    Args:
        html: made by this package; a clickable part is a `<button data-pick="…">`.
        key: of the element.
        on_pick: called with the `data-pick` of the clicked part before the page reruns.
        kind: for a complete gallery, the cell of the confusion matrix to show: "true,predicted", with "" for any.
    """

    def handle_pick() -> None:
        pick = st.session_state[key].picked
        # A browser can send anything: accept only parts of this HTML.
        if pick in re.findall(r'data-pick="([^"]*)"', html):
            on_pick(pick)

    _component(data={"html": html, "kind": kind}, key=key, on_picked_change=handle_pick)
