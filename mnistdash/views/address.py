"""The error explorer's view of its address: what it says, and how to change it."""

from dataclasses import replace

import streamlit as st

from mnistdash import links
from mnistdash.links import Link

ELSEWHERE = ("lasso", "map")  # of a section's own; it means nothing in another


def current(models: list[str], count: int) -> tuple[Link, list[str]]:
    """What the address asks for, and a sentence for each part of it that makes no sense."""
    return links.read(st.query_params.to_dict(), models, count)


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
