"""A visitor without a browser: a client of Streamlit's WebSocket protocol.

Like a browser, it sends widget states, the address, hashes of cached messages, and automatic reruns of fragments. It
requests nothing over HTTP (scripts, fonts, image files), so one process can run many. It implements the protocol of the
pinned Streamlit release.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from google.protobuf.message import Message
from screen import FIELDS, REPORTED, Screen, Widget, field_of, shown, state
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

TIMEOUT = 60.0  # seconds for a script run
LOOK = 0.05  # seconds between two checks of a condition
KEPT_RUNS = 2  # script runs after which a browser drops an unused cached message
TRIGGERS = "$$STREAMLIT_INTERNAL_KEY_{}__events"  # id for component events


class Gone(Exception):  # noqa: N818
    """The connection was closed, with a `code` of RFC 6455 or None."""

    def __init__(self, code: int | None):
        super().__init__(f"The connection was closed with code {code}.")
        self.code = code


@dataclass(eq=False)
class _Wait:
    """A pending script run."""

    fragment: str
    has_begun: bool = False
    done: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Visitor:
    """A visitor with one open page, for use in one event loop.

    Args:
        url: address of the dashboard, "http://127.0.0.1:8501".
        auto_rerun: rerun fragments with `run_every`, as a browser does.

    Attributes:
        screen: elements of the page.
        states: widget states by id for the next message.
        query: query string of the address, which the page may change.
        session: Streamlit's id of the session, "" before the first page.
        exceptions: exceptions shown so far, "ValueError: …".
        errors: texts of error boxes so far.
        closed: close code of the server, or None.
        received: bytes received.
    """

    def __init__(self, url: str, auto_rerun: bool = True):
        self.url = url.rstrip("/")
        self.screen = Screen()
        self.states: dict[str, WidgetState] = {}
        self.query = self.session = ""
        self.exceptions: list[str] = []
        self.errors: list[str] = []
        self.closed: int | None = None
        self.received = 0
        self._auto_rerun = auto_rerun
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task | None = None
        self._page = self._hash = self._run = ""
        self._pages: dict[str, str] = {}  # hashes by name
        self._waits: list[_Wait] = []
        self._timers: dict[str, tuple[float, asyncio.Task]] = {}  # fragment: interval in seconds, task
        self._kept: dict[str, tuple[ForwardMsg, int]] = {}  # hash: message, number of its last run
        self._runs = 0

    async def __aenter__(self) -> "Visitor":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, address: str = "/", timeout: float = TIMEOUT, resume: str = "") -> None:
        """Open an address such as "/errors?page=2" in a new session, and wait until the page is complete.

        Args:
            address: path and query.
            timeout: seconds.
            resume: id of a session to reconnect to.
        """
        await self.close()
        parts = urlsplit(address)
        self._page, self._hash, self.query = parts.path.strip("/"), "", parts.query
        self.screen, self.states, self._kept = Screen(), {}, {}
        self._socket = await connect(
            f"{self.url.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=["streamlit", "PLACEHOLDER_AUTH_TOKEN", *([resume] if resume else [])],
            origin=self.url,
            max_size=None,
            ping_interval=None,  # browsers send none
            proxy=None,
        )
        self.closed = None
        self._reader = asyncio.create_task(self._read(self._socket))
        await self.send(fragment="", timeout=timeout)

    async def follow(self, page: str, timeout: float = TIMEOUT) -> None:
        """Follow a link to another page ("train", or "" for home) in the same session."""
        self._stop_timers()
        self._page, self._hash, self.query, self.states = page, self._pages.get(page, ""), "", {}
        await self.send(fragment="", timeout=timeout)

    async def close(self) -> None:
        """Close the tab."""
        if self._socket is not None:
            self._reader.cancel()
            await self._socket.close()
            self._socket = None
        self._give_up(Gone(None))

    @property
    def widgets(self) -> dict[str, Widget]:
        """Widgets of the page by key, or by id without a key."""
        return self.screen.widgets

    def text(self, key: str | None = None) -> str:
        """Return the text of a container, including HTML; without a key, of the whole page."""
        return self.screen.text(key)

    async def choose(self, key: str, value: object, timeout: float = TIMEOUT) -> None:
        """Set the value of a widget and wait for the rerun."""
        widget = self.widgets[key]
        name = field_of(widget.kind, widget.proto)
        await self.send(state(widget.id, name, value), timeout=timeout)

    async def press(self, key: str, timeout: float = TIMEOUT) -> None:
        """Click a button and wait for the rerun."""
        await self.choose(key, True, timeout)

    async def pick(self, key: str, what: object, event: str = "picked", timeout: float = TIMEOUT) -> None:
        """Trigger an event of a component and wait for the rerun."""
        widget = self.widgets[key]
        happened = json.dumps([{"event": event, "value": what}])
        trigger = state(TRIGGERS.format(widget.id), "json_trigger_value", happened)
        await self.send(trigger, fragment=widget.fragment, timeout=timeout)

    async def send(
        self, *states: WidgetState, fragment: str | None = None, timeout: float = TIMEOUT, wait: bool = True
    ) -> None:
        """Send widget states together with those of all other widgets, and wait for the rerun.

        Args:
            *states: widget states, see `screen.state`.
            fragment: id of the fragment to run, "" for the whole page; by default that of the first widget.
            timeout: seconds.
            wait: False to return at once.

        Raises:
            Gone: the server closed the connection.
            TimeoutError: the script did not run to its end.
        """
        by_id = {widget.id: widget for widget in self.widgets.values()}
        used = [by_id[one.id] for one in states if one.id in by_id]
        if fragment is None:
            fragment = used[0].fragment if used else ""
        for one in states:
            if one.id in by_id:
                self._write_address(by_id[one.id], one)
        triggers = [one for one in states if "trigger" in (one.WhichOneof("value") or "")]
        self.states |= {one.id: one for one in states if one not in triggers}
        run = _Wait(fragment)
        if wait:
            self._waits.append(run)
        try:
            await self._ask([*self.states.values(), *triggers], fragment)
            if wait:
                await asyncio.wait_for(run.done, timeout)
        finally:
            self._waits = [one for one in self._waits if one is not run]

    async def send_raw(self, data: bytes | str) -> None:
        """Send a raw frame."""
        if self._socket is None:
            raise Gone(self.closed)
        await self._socket.send(data)

    async def until(self, condition: Callable[[], bool], timeout: float = TIMEOUT) -> None:
        """Wait until a condition holds.

        Raises:
            Gone: the connection was closed.
            TimeoutError: the condition did not hold in time.
        """
        async with asyncio.timeout(timeout):
            while not condition():
                if self._socket is None or self._reader.done():
                    raise Gone(self.closed)
                await asyncio.sleep(LOOK)

    async def _ask(self, states: Iterable[WidgetState], fragment: str, is_auto_rerun: bool = False) -> None:
        """Request a script run."""
        client = ClientState(
            query_string=self.query,
            page_script_hash=self._hash,
            page_name="" if self._hash else self._page,
            fragment_id=fragment,
            is_auto_rerun=is_auto_rerun,
            cached_message_hashes=list(self._kept),
            context_info=ContextInfo(
                timezone="UTC", timezone_offset=0, locale="en-GB", url=self.url, is_embedded=False, color_scheme="light"
            ),
        )
        client.widget_states.widgets.extend(states)
        if self._socket is None:
            raise Gone(self.closed)
        try:
            await self._socket.send(BackMsg(rerun_script=client).SerializeToString())
        except ConnectionClosed:
            raise Gone(self._socket.close_code) from None

    async def _read(self, socket: ClientConnection) -> None:
        try:
            with contextlib.suppress(ConnectionClosed):
                async for data in socket:
                    self.received += len(data)
                    self._take(ForwardMsg.FromString(data), time.perf_counter())
            self.closed = socket.close_code
            self._give_up(Gone(self.closed))
        except Exception as error:  # an unexpected message
            self._give_up(error)
            raise

    def _give_up(self, error: Exception) -> None:
        """Fail all pending runs."""
        self._stop_timers()
        for one in self._waits:
            if not one.done.done():
                one.done.set_exception(error)
        self._waits = []

    def _take(self, message: ForwardMsg, arrived: float) -> None:
        """Apply a message."""
        if message.WhichOneof("type") == "ref_hash":
            kept, _ = self._kept[message.ref_hash]
            self._kept[message.ref_hash] = kept, self._runs
            kept.metadata.CopyFrom(message.metadata)
            message = kept
        elif message.metadata.cacheable:
            self._kept[message.hash] = message, self._runs
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._show(message, arrived)
        elif kind == "new_session":
            self._begin(message)
        elif kind == "script_finished":
            self._finish(message)
        elif kind == "navigation":
            # Page names are known from here on.
            self._hash = message.navigation.page_script_hash
            self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string.lstrip("?")
        elif kind == "auto_rerun":
            self._start_auto_rerun(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_timer(fragment)
        elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
            self._note(message.session_event.script_compilation_exception)

    def _begin(self, message: ForwardMsg) -> None:
        """Handle the start of a script run."""
        begun, fragments = message.new_session, message.metadata.run.fragment_ids
        self._run = message.metadata.run.script_run_id
        self.session = begun.initialize.session_id or self.session
        if not fragments:
            self._stop_timers()
            if begun.page_script_hash != self._hash:
                self.screen, self._hash = Screen(), begun.page_script_hash
        for one in self._waits:
            # The server may run the whole page instead of a fragment.
            one.has_begun |= not fragments or one.fragment in fragments

    def _show(self, message: ForwardMsg, arrived: float) -> None:
        node = self.screen.put(message, self._run, arrived)
        if node is None:
            return
        if node.kind == "exception" and not node.proto.is_warning:
            self._note(node.proto)
        elif node.kind == "alert" and node.proto.format == Alert.ERROR:
            self.errors.append(node.proto.body)
        elif node.kind in REPORTED and (node.proto.id not in self.states or node.proto.set_value):
            value = shown(node.kind, node.proto)
            self.states[node.proto.id] = state(node.proto.id, field_of(node.kind, node.proto), value)

    def _finish(self, message: ForwardMsg) -> None:
        """Handle the end of a script run."""
        status, fragments = message.script_finished, message.metadata.run.fragment_ids
        if status in (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY):
            self.screen.forget_stale(self._run, fragments)
            ids = self.screen.ids
            self.states = {widget_id: one for widget_id, one in self.states.items() if widget_id in ids}
            self._runs += 1
            self._kept = {
                name: (kept, last)
                for name, (kept, last) in self._kept.items()
                if self._runs - last <= KEPT_RUNS or (fragments and kept.delta.fragment_id not in fragments)
            }
        if status != ForwardMsg.FINISHED_EARLY_FOR_RERUN:  # otherwise wait for the next run
            for one in self._waits:
                if one.has_begun and not one.done.done():
                    one.done.set_result(None)

    def _start_auto_rerun(self, fragment: str, interval: float) -> None:
        """Rerun a fragment every `interval` seconds."""
        if not self._auto_rerun or (fragment in self._timers and self._timers[fragment][0] == interval):
            return
        self._stop_timer(fragment)

        async def look() -> None:
            with contextlib.suppress(Gone):
                while True:
                    await asyncio.sleep(interval)
                    await self._ask(self.states.values(), fragment, is_auto_rerun=True)

        self._timers[fragment] = interval, asyncio.create_task(look())

    def _stop_timer(self, fragment: str) -> None:
        if fragment in self._timers:
            self._timers.pop(fragment)[1].cancel()

    def _stop_timers(self) -> None:
        for fragment in list(self._timers):
            self._stop_timer(fragment)

    def _note(self, exception: Message) -> None:
        # Without `client.showErrorDetails`, the type is empty.
        self.exceptions.append(f"{exception.type}: {exception.message}" if exception.type else exception.message)

    def _write_address(self, widget: Widget, new: WidgetState) -> None:
        """Write the value of a bound widget to the query string."""
        name, kind = getattr(widget.proto, "query_param_key", ""), new.WhichOneof("value")
        if name and kind == FIELDS[widget.kind] and kind in ("string_value", "double_value", "bool_value"):
            value = getattr(new, kind)
            words = f"{value:.15g}" if kind == "double_value" else str(value)
            words = words.lower() if kind == "bool_value" else words
            self.query = urlencode(parse_qs(self.query, keep_blank_values=True) | {name: [words]}, doseq=True)
