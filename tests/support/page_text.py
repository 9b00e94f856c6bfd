"""Text and components of a page under test."""

import json
import re

from streamlit.testing.v1 import AppTest


def text(test: AppTest) -> str:
    """Return all text on a page."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "metric")
    parts = [getattr(element, "value", "") for kind in kinds for element in getattr(test, kind)]
    parts += [element.label for element in test.metric]
    parts += [element.proto.body for element in test.get("html")]
    parts += clickable(test)
    return "\n".join(str(part) for part in parts)


def clickable(test: AppTest) -> list[str]:
    """Return the visible HTML of each clickable component."""
    shown = [element.proto for element in test.get("bidi_component")]
    return [_visible(json.loads(proto.json)) for proto in shown if proto.component_name == "mnistdash.clickable"]


def charts(test: AppTest) -> list[dict]:
    """Return the figure of each chart component."""
    shown = [element.proto for element in test.get("bidi_component")]
    return [json.loads(json.loads(p.json)["figure"]) for p in shown if p.component_name == "mnistdash.chart"]


def _visible(data: dict) -> str:
    """Remove the digits that the current filter hides."""
    true, read = (data["kind"] or ",").split(",")
    kinds = rf'data-kind="{true or "."},{read or "."}"'
    return re.sub("<figure.*?</figure>", lambda digit: digit[0] * bool(re.search(kinds, digit[0])), data["html"])
