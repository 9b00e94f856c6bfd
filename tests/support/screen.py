"""Elements of a Streamlit page, collected from its messages."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

KEY = re.compile(r"\$\$ID-[0-9a-f]+-(.*)", re.DOTALL)  # an id that contains the widget's key, or "None"
# Kind of element -> field of the widget state that holds its value.
FIELDS = {
    "bidi_component": "json_value",
    "button": "trigger_value",
    "button_group": "string_array_value",
    "camera_input": "file_uploader_state_value",
    "checkbox": "bool_value",
    "dataframe": "string_value",
    "download_button": "trigger_value",
    "file_uploader": "file_uploader_state_value",
    "multiselect": "string_array_value",
    "number_input": "double_value",
    "pagination": "int_value",
    "plotly_chart": "string_value",
    "selectbox": "string_value",
    "slider": "double_array_value",
    "text_input": "string_value",
}
ONE_VALUE = ("checkbox", "number_input", "pagination", "text_input")
# Kinds whose value a browser reports at once; others are reported when used.
REPORTED = (*ONE_VALUE, "button_group", "multiselect", "selectbox", "slider")
WORDS = ("label", "title", "body", "text", "message", "value")  # fields with visible text


@dataclass(frozen=True)
class Widget:
    """A widget on the page.

    Attributes:
        key: its key, or None.
        id: Streamlit's id of the widget.
        kind: kind of element, see FIELDS.
        fragment: id of the fragment it reruns, "" for the whole page.
        value: displayed value, or None.
        proto: the element.
    """

    key: str | None
    id: str
    kind: str
    fragment: str
    value: object
    proto: Message


@dataclass(frozen=True)
class Node:
    """An element or container of the page.

    Attributes:
        proto: its message.
        kind: kind of element, "" for a container.
        fragment: id of its fragment, or "".
        run: id of the script run that sent it last.
        arrived: time of arrival, by `time.perf_counter()`.
    """

    proto: Message
    kind: str
    fragment: str
    run: str
    arrived: float


def state(widget_id: str, name: str, value: object) -> WidgetState:
    """Return the state of a widget.

    Args:
        widget_id: id of the widget.
        name: field of WidgetState, valid for the widget or not.
        value: value of the field; None for a state without a value.
    """
    made = WidgetState(id=widget_id)
    if isinstance(value, Message):
        getattr(made, name).CopyFrom(value)
    elif isinstance(value, list | tuple):
        getattr(made, name).SetInParent()
        getattr(made, name).data.extend(value)
    elif value is not None:
        setattr(made, name, value)
    return made


class Screen:
    """The elements of a page.

    Attributes:
        nodes: elements by their path in the page.
    """

    def __init__(self):
        self.nodes: dict[tuple[int, ...], Node] = {}

    @property
    def widgets(self) -> dict[str, Widget]:
        """Widgets by key, or by id without a key."""
        found = {}
        for node in self.nodes.values():
            if node.kind and (widget_id := getattr(node.proto, "id", "")):
                key = key_of(widget_id)
                value = shown(node.kind, node.proto) if node.kind in REPORTED else None
                found[key or widget_id] = Widget(key, widget_id, node.kind, node.fragment, value, node.proto)
        return found

    def inside(self, key: str | None = None) -> list[Node]:
        """Return the elements of a container in order; without a key, all elements."""
        outer = [place for place, node in self.nodes.items() if not node.kind and key and key_of(node.proto.id) == key]
        return [
            node
            for place, node in sorted(self.nodes.items())
            if node.kind and (key is None or any(place[: len(one)] == one for one in outer))
        ]

    def text(self, key: str | None = None) -> str:
        """Return the text of a container, including HTML; without a key, of the whole page."""
        return "\n".join(words for node in self.inside(key) for words in _words(node.proto))

    def put(self, message: ForwardMsg, run: str, arrived: float) -> Node | None:
        """Apply a delta message and return its node."""
        delta, place = message.delta, tuple(message.metadata.delta_path)
        if delta.WhichOneof("type") == "add_block":
            node = Node(delta.add_block, "", delta.fragment_id, run, arrived)
        elif delta.WhichOneof("type") == "new_element":
            kind = delta.new_element.WhichOneof("type") or "empty"
            node = Node(getattr(delta.new_element, kind), kind, delta.fragment_id, run, arrived)
            if place in self.nodes and not self.nodes[place].kind:  # replaces a container
                self.nodes = {other: kept for other, kept in self.nodes.items() if other[: len(place)] != place}
        else:
            return None
        self.nodes[place] = node
        return node

    def forget_stale(self, run: str, fragments: Sequence[str]) -> None:
        """Remove elements that a run of the page or of fragments did not send again."""
        remaining: dict[tuple[int, ...], Node] = {}
        within = set()  # paths inside the fragments that ran
        for place, node in sorted(self.nodes.items()):
            outer, is_fresh = place[:-1], node.run == run
            if outer in self.nodes and outer not in remaining:
                continue
            if not fragments and not is_fresh:
                continue
            if outer in within and not is_fresh:
                continue
            if outer in within or (node.fragment in fragments and is_fresh):
                within.add(place)
            remaining[place] = node
        self.nodes = remaining

    @property
    def ids(self) -> set[str]:
        """Ids of all elements and containers."""
        return {getattr(node.proto, "id", "") for node in self.nodes.values()}


def key_of(widget_id: str) -> str | None:
    """Return the key in a widget id, or None."""
    found = KEY.fullmatch(widget_id)
    return None if found is None or found[1] == "None" else found[1]


def field_of(kind: str, proto: Message) -> str:
    """Return the field of the widget state that holds its value."""
    # A slider over strings sends strings.
    return "string_array_value" if kind == "slider" and len(proto.options) else FIELDS[kind]


def shown(kind: str, proto: Message) -> object:
    """Return the displayed value of a widget whose kind is in REPORTED."""
    if kind in ONE_VALUE:
        name = "value" if proto.set_value else "default"
        return getattr(proto, name) if kind in ("checkbox", "pagination") or proto.HasField(name) else None
    options = [getattr(option, "content", option) for option in proto.options]
    if kind == "selectbox":
        if proto.set_value:
            return proto.raw_value if proto.HasField("raw_value") else None
        return options[proto.default] if proto.HasField("default") else None
    if kind == "slider":
        if not options:
            return list(proto.value if proto.set_value else proto.default)
        return list(proto.raw_value) if proto.set_value else [options[round(number)] for number in proto.default]
    return list(proto.raw_values) if proto.set_value else [options[number] for number in proto.default]


def _words(proto: Message) -> list[str]:
    """Return the texts of an element."""
    values = [getattr(proto, name, "") for name in WORDS]
    if getattr(proto, "component_name", "") and proto.HasField("json"):
        data = json.loads(proto.json)
        values.append(data.get("html", "") if isinstance(data, dict) else "")
    return [value for value in values if isinstance(value, str) and value]
