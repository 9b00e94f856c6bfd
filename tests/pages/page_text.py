"""Helpers for tests of pages."""

import json

from streamlit.testing.v1 import AppTest


def text(test: AppTest) -> str:
    """All that a page says, as far as it is text."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "metric")
    parts = [getattr(element, "value", "") for kind in kinds for element in getattr(test, kind)]
    parts += [element.label for element in test.metric]
    parts += [element.proto.body for element in test.get("html")]
    parts += clickable(test)
    return "\n".join(str(part) for part in parts)


def clickable(test: AppTest) -> list[str]:
    """The HTML of each `views.clickable` on a page."""
    shown = [element.proto for element in test.get("bidi_component")]
    return [json.loads(proto.json)["html"] for proto in shown if proto.component_name == "mnistdash.clickable"]
