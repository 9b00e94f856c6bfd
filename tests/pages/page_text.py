"""Helpers for tests of pages."""

from streamlit.testing.v1 import AppTest


def text(test: AppTest) -> str:
    """All that a page says, as far as it is text."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "metric")
    parts = [getattr(element, "value", "") for kind in kinds for element in getattr(test, kind)]
    parts += [element.label for element in test.metric]
    parts += [element.proto.body for element in test.get("html")]
    return "\n".join(str(part) for part in parts)
