"""The error explorer's view of its address: what it says, and how to change it."""

from collections.abc import Mapping

import streamlit as st

from mnistdash import links
from mnistdash.links import Link

ELSEWHERE = ("lasso", "map")  # of a section's own; it means nothing in another
LISTING = {"section", "show", "sort", "true", "predicted", "other", "group"}  # what decides which digits are listed


def current(models: list[str], count: int) -> tuple[Link, list[str]]:
    """What the address asks for, and a sentence for each part of it that makes no sense."""
    return links.read(st.query_params.to_dict(), models, count)


def bound(link: Link, name: str, value: object = None, **also: object) -> dict:
    """What makes a widget show a part of the address and change it: `key` and `on_change`.

    Args:
        link: what the address says.
        name: of the part.
        value: to show, where that is not the part itself.
        also: what else a change of it changes.
    """
    st.session_state[name] = getattr(link, name) if value is None else value
    return {"key": name, "on_change": lambda: go(**{name: st.session_state[name]}, **also)}


def go(**changes: object) -> None:
    """Change parts of what is shown, by their names in `Link`; another list of digits begins with its first page."""
    if LISTING & changes.keys():
        changes.setdefault("page", 1)
    if "section" in changes:
        for name in ELSEWHERE:
            st.query_params.pop(name, None)
    write(changes)


def write(parts: Mapping[str, object]) -> None:
    """Put parts of a `Link` into the address; what is as by default is left out of it."""
    parameters = Link(**parts).parameters
    if parameters:  # all at once, as each message about the address makes the browser draw the page anew
        st.query_params.update(parameters)
    for name in parts.keys() - parameters.keys():
        st.query_params.pop(name, None)
