"""The error explorer's view of its address: what it says, and how to change it."""

from dataclasses import replace

import streamlit as st

from mnistdash import links
from mnistdash.links import Link

ELSEWHERE = ("lasso", "map")  # of a section's own; it means nothing in another


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
    return {"key": name, "on_change": lambda: go(link, **{name: st.session_state[name]}, **also)}


def go(link: Link, **changes: object) -> None:
    """Change what is shown; a change of what is listed goes back to its first page."""
    if not {"page", "digit"} & changes.keys():
        changes["page"] = 1
    parameters = replace(link, **changes).parameters
    for name in links.NAMES:
        if name in parameters:
            st.query_params[name] = parameters[name]
        else:
            st.query_params.pop(name, None)
    if "section" in changes:
        for name in ELSEWHERE:
            st.query_params.pop(name, None)
