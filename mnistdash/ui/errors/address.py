"""The error explorer's view of its address: what it says, and how to change it."""

from collections.abc import Collection, Mapping

import streamlit as st

from mnistdash.ui.errors import query_state
from mnistdash.ui.errors.query_state import QueryState

ELSEWHERE = ("lasso", "map")  # of a section's own; it means nothing in another
LISTING = {"section", "show", "sort", "true", "predicted", "other", "group"}  # what decides which digits are listed


def current(models: list[str], count: int) -> tuple[QueryState, list[str]]:
    """What the address asks for, and a sentence for each part of it that makes no sense."""
    return query_state.parse_link(parameters(), models, count)


def parameters() -> dict[str, str]:
    """What stands in the address, by name; nothing of what is left empty in it."""
    return {name: text for name, text in st.query_params.to_dict().items() if text}


def bound(link: QueryState, name: str, value: object = None, **also: object) -> dict:
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
    write(changes, without=ELSEWHERE if "section" in changes else ())


def write(parts: Mapping[str, object], without: Collection[str] = ()) -> None:
    """Put parts of a `Link` into the address; what is as by default is left out of it.

    Args:
        parts: by their names in `Link`.
        without: other parameters that go.
    """
    put(**dict.fromkeys([*parts, *without]) | QueryState(**parts).parameters)


def put(**texts: str | None) -> None:
    """Put parameters into the address; None takes one out of it.

    All at once: each message about the address makes the browser draw the page anew, and is a step of its history.
    """
    there = parameters()
    changes = {name: text or [] for name, text in texts.items() if text != there.get(name)}
    if changes:
        st.query_params.update(changes)
