"""Streamlit components of this dashboard, each with its script and style beside it."""

from pathlib import Path


def read_asset(folder: str, name: str) -> str:
    """Return the text of a component's file."""
    return (Path(__file__).parent / folder / name).read_text()
