"""HTML of ours with parts that can be clicked, which Streamlit's own HTML cannot have."""

import re
from collections.abc import Callable

import streamlit as st

# Pressing something with a `data-pick` reports what that says. What had the focus has it again afterwards. What shows
# whether it is pressed does so at once, and if a whole gallery is on the page, that is narrowed at once to the kind of
# digits that was picked, if it has such; the page, when it has run, says the same.
SCRIPT = """
function narrow(root, kind) {
  const asked = kind.split(",");
  const digits = [...root.querySelectorAll("[data-kind]")];
  const isAskedFor = (digit) => digit.dataset.kind.split(",").every((label, k) => !asked[k] || asked[k] === label);
  if (!digits.some(isAskedFor)) return;
  for (const digit of digits) digit.closest("figure").hidden = !isAskedFor(digit);
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".md-clickable");
  if (root.shown !== data.html) {
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.pick : null;
    root.innerHTML = root.shown = data.html;
    if (focused) root.querySelector(`[data-pick="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  root.classList.toggle("md-whole", data.kind !== null);
  narrow(root, data.kind ?? ",");
  root.onclick = (event) => {
    const picked = event.target.closest("[data-pick]");
    if (!picked) return;
    setTriggerValue("picked", picked.dataset.pick);
    if (picked.ariaPressed === null) return;
    const isPressed = picked.ariaPressed !== "true";
    for (const button of root.querySelectorAll("[aria-pressed]")) button.ariaPressed = isPressed && button === picked;
    root.shown = null;
    const kind = isPressed ? picked.dataset.pick : ",";
    for (const gallery of document.querySelectorAll(".md-whole")) narrow(gallery, kind);
  };
}
"""
PICK = re.compile(r"[\w ,:.-]{1,40}")
_component = st.components.v2.component(
    "mnistdash.clickable", html='<div class="md-clickable"></div>', js=SCRIPT, isolate_styles=False
)


def clickable(html: str, key: str, on_pick: Callable[[str], None], kind: str | None = None) -> None:
    """Show HTML.

    Args:
        html: of our own making; what can be clicked is a `<button data-pick="…">`.
        key: of the element.
        on_pick: called with the `data-pick` of what was clicked, before the page runs again.
        kind: of the digits of a whole gallery that are shown, "true,predicted" with "" for any.
    """

    def picked() -> None:
        what = st.session_state[key].picked
        # The browser can send anything; what is on the page can be clicked.
        if isinstance(what, str) and PICK.fullmatch(what) and f'data-pick="{what}"' in html:
            on_pick(what)

    _component(data={"html": html, "kind": kind}, key=key, on_picked_change=picked)
