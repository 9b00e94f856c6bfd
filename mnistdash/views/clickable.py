"""HTML of ours with parts that can be clicked, which Streamlit's own HTML cannot have."""

import re
from collections.abc import Callable

import streamlit as st

# Pressing something with a `data-pick` reports what that says. What had the focus has it again afterwards.
SCRIPT = """
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".md-clickable");
  if (root.shown !== data.html) {
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.pick : null;
    root.innerHTML = root.shown = data.html;
    if (focused) root.querySelector(`[data-pick="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  root.onclick = (event) => {
    const picked = event.target.closest("[data-pick]");
    if (picked) setTriggerValue("picked", picked.dataset.pick);
  };
}
"""
PICK = re.compile(r"[\w ,:.-]{1,40}")
_component = st.components.v2.component(
    "mnistdash.clickable", html='<div class="md-clickable"></div>', js=SCRIPT, isolate_styles=False
)


def clickable(html: str, key: str, on_pick: Callable[[str], None]) -> None:
    """Show HTML.

    Args:
        html: of our own making; what can be clicked is a `<button data-pick="…">`.
        key: of the element.
        on_pick: called with the `data-pick` of what was clicked, before the page runs again.
    """

    def picked() -> None:
        what = st.session_state[key].picked
        # The browser can send anything; what is on the page can be clicked.
        if isinstance(what, str) and PICK.fullmatch(what) and f'data-pick="{what}"' in html:
            on_pick(what)

    _component(data={"html": html}, key=key, on_picked_change=picked)
