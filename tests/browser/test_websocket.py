"""Widget states and frames that no browser sends, straight over the WebSocket."""

import asyncio
import contextlib
import json
import random
import re
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

import pytest
from browser_server import Server, with_sample
from google.protobuf.message import Message
from protocol import Gone, Visitor
from screen import state
from sketches import digits
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo

from mnistdash.runs import store

PAGES = ("/", "/draw", "/train", "/errors", "/errors?digit=7", "/errors?section=robustness", "/errors?section=map")
DRAWN = digits()[0].values[-1]  # canvas value of a drawn digit
PART = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.png"\r\n\r\n'
DEEP = "[" * 900 + "]" * 900


def invalid_file() -> FileUploaderState:
    return FileUploaderState(uploaded_file_info=[UploadedFileInfo(name="../x", size=2**60, file_id="nothing")])


INVALID = [
    *(("string_value", text) for text in ("", "../../x", "x" * 10_000, "<script>", "\u202ex", "NaN", '{"a": 1}')),
    *(("double_value", number) for number in (-1.0, 1e308, float("nan"), float("inf"))),
    *(("int_value", number) for number in (-1, 2**62)),
    *(("string_array_value", words) for words in ([], ["nothing"], ["x"] * 5_000, ["<b>", "../"])),
    *(("double_array_value", numbers) for numbers in ([], [float("nan")] * 3, [1e308, -1e308], [0.0] * 5_000)),
    *(("json_value", text) for text in ("null", "3", "[]", '{"drawing": 3}', '{"selection": {"points": 3}}', DEEP)),
    *(("bytes_value", data) for data in (b"", b"\x00" * 10_000)),
    ("bool_value", True),
    ("file_uploader_state_value", invalid_file()),
    ("string_value", None),
]
CANVAS = [
    None,
    3,
    "text",
    [],
    {"drawing": None},
    {"drawing": "x"},
    {"drawing": {"raw": 3, "data": 4}},
    {"drawing": {"raw": {"objects": "many"}, "data": "data:image/png;base64,AAAA"}},
    {"drawing": {"raw": {"objects": [3, None, []]}, "data": "data:text/html;base64,PGI+"}},
    {"drawing": {"raw": {"objects": [{}] * 10_000}, "data": None}},
    {"drawing": {"raw": {"objects": []}, "data": "data:image/png;base64," + "A" * 3_000_000}},
    {"drawing": {"raw": {"objects": [{"type": "path", "path": [[["M"] * 20_000]]}]}, "data": "x"}},
    {"backgroundFit": {"x": float("inf")}},
    {"backgroundFit": 3, "drawing": {}},
]


@pytest.fixture(scope="module")
def crowd_server(tmp_path_factory) -> Iterator[Server]:
    """Start a separate dashboard for hostile clients."""
    folder = tmp_path_factory.mktemp("hostile")
    server = Server(folder, with_sample(folder))
    yield server
    server.end()


def run(work: Coroutine) -> object:
    """Run a coroutine in a new thread, because Playwright leaves an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def check_no_internals(visitor: Visitor) -> None:
    """Check that no message reveals internals of the server."""
    told = visitor.exceptions + visitor.errors + [visitor.text()]
    assert not [words for words in told if any(trace in words for trace in ("Traceback", "site-packages", 'File "'))]


async def check_draw_works(server: Server) -> None:
    """Check that another visitor's drawing is predicted."""
    async with Visitor(server.url) as visitor:
        await visitor.open("/draw")
        canvas = visitor.widgets["drawing"]
        await visitor.send(state(canvas.id, "json_value", DRAWN))
        assert "%" in visitor.text("prediction")
        assert not visitor.exceptions


async def send(visitor: Visitor, *states: Message) -> None:
    """Send states; the server may close the connection."""
    with contextlib.suppress(Gone):
        await visitor.send(*states, fragment="")


@pytest.mark.parametrize("address", PAGES)
def test_widgets_tolerate_states_of_any_type_and_value(crowd_server, address):
    before = crowd_server.process.memory_info().rss

    async def attack() -> None:
        chance = random.Random(0)
        async with Visitor(crowd_server.url, auto_rerun=False) as visitor:
            await visitor.open(address)
            keys = list(visitor.widgets)
            for field, value in INVALID:  # all widgets at once
                await send(visitor, *(state(widget.id, field, value) for widget in visitor.widgets.values()))
                check_no_internals(visitor)
                await visitor.open(address)
            for key in keys:  # each widget alone
                if visitor.closed is not None or key not in visitor.widgets:
                    await visitor.open(address)
                if key not in visitor.widgets:  # belonged to a run that has started since
                    continue
                await send(visitor, state(visitor.widgets[key].id, *chance.choice(INVALID)))
                check_no_internals(visitor)
        await check_draw_works(crowd_server)

    run(attack())
    assert crowd_server.process.memory_info().rss - before < 300_000_000
    # Only Start may write files.
    known = re.compile(r"flagship|\.queue\.lock|express-\d+")
    assert all(known.fullmatch(path.name) for path in crowd_server.models.iterdir())


def test_the_canvas_tolerates_any_value_and_still_accepts_a_drawing(crowd_server):
    async def attack() -> None:
        async with Visitor(crowd_server.url) as visitor:
            await visitor.open("/draw")
            for sent in CANVAS:
                canvas = visitor.widgets["drawing"]
                await send(visitor, state(canvas.id, "json_value", json.dumps(sent)))
                check_no_internals(visitor)
                assert not visitor.exceptions, sent
                assert not [error for error in visitor.errors if "went wrong" in error], sent
            canvas = visitor.widgets["drawing"]
            await visitor.send(state(canvas.id, "json_value", DRAWN))
            assert "%" in visitor.text("prediction")

    run(attack())


@pytest.mark.parametrize(
    "what", [None, 3, -1, "", "x", "-1", "9" * 5_000, "<b>", {"a": 1}, ["1"], True, "../", "9:9:9"]
)
def test_only_elements_on_the_page_can_be_clicked(crowd_server, what):
    async def attack() -> None:
        async with Visitor(crowd_server.url) as visitor:
            await visitor.open("/errors")
            for key in ("gallery", "matrix"):
                query = visitor.query
                await visitor.pick(key, what)
                assert visitor.query == query
            assert not visitor.exceptions
            assert not visitor.errors

    run(attack())


def test_settings_outside_the_forms_bounds_reach_no_run(crowd_server):
    """Send each setting together with a click on Start."""
    outside = {
        "epochs-softmax": [("double_value", 10.0**9), ("double_value", -3.0), ("double_value", float("nan"))],
        "batch-softmax": [("double_value", 10.0**9), ("double_value", 0.0)],
        "rate-softmax": [("double_value", 1e300), ("double_value", -1.0)],
        "seed-softmax": [("double_value", -1.0), ("double_value", 2.0**70)],
        "optimizer-softmax": [("string_value", "os.system")],
        "schedule-softmax": [("string_value", "")],
        "precision-softmax": [("string_value", "float16")],
        "name": [("string_value", "../outside"), ("string_value", "x" * 10_000)],
    }
    models = crowd_server.models

    async def attack() -> None:
        async with Visitor(crowd_server.url, auto_rerun=False) as visitor:
            for key, values in outside.items():
                for field, value in values:
                    await visitor.open("/train?recipe=softmax")
                    await send(visitor, state(visitor.widgets[key].id, field, value))
                    if visitor.closed is None and "start" in visitor.widgets:
                        await send(visitor, state(visitor.widgets["start"].id, "trigger_value", True))
                    check_no_internals(visitor)
        await check_draw_works(crowd_server)

    run(attack())
    for one in store.list_runs(models):
        config = one.config
        if config.recipe != "softmax":
            continue
        assert 1 <= (config.epochs or 1) <= 1000
        assert 1 <= config.batch_size <= 4096
        assert 0 < config.learning_rate <= 100
        assert 0 <= config.seed < 2**31
        assert (config.optimizer, config.schedule, config.precision) == ("sgd", "constant", "auto")
    assert not (models.parent / "outside").exists()


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 1_000, b"x" * 9_000_000, "text", BackMsg(stop_script=True).SerializeToString()],
    ids=["empty", "no protobuf", "too long", "text", "stop"],
)  # fmt: skip
def test_invalid_frames_end_at_most_their_own_session(crowd_server, data):
    async def attack() -> None:
        async with Visitor(crowd_server.url) as visitor:
            await visitor.open("/")
            with contextlib.suppress(Gone, OSError):
                await visitor.send_raw(data)
            await asyncio.sleep(0.5)
            check_no_internals(visitor)
        await check_draw_works(crowd_server)

    run(attack())


def test_an_oversized_upload_is_refused_before_it_is_stored(crowd_server):
    async def session() -> str:
        async with Visitor(crowd_server.url) as visitor:
            await visitor.open("/draw?source=Image+file")
            return visitor.session

    body = PART + bytes(200_000_000) + b"\r\n--x--"
    before = crowd_server.process.memory_info().rss
    request = urllib.request.Request(
        f"{crowd_server.url}/_stcore/upload_file/{run(session())}/f",
        data=body,
        method="PUT",
        headers={"Content-Type": "multipart/form-data; boundary=x", "Origin": crowd_server.url},
    )
    with pytest.raises((HTTPError, OSError)) as refused:
        urllib.request.urlopen(request, timeout=60)
    if isinstance(refused.value, HTTPError):
        assert 400 <= refused.value.code < 500
    assert crowd_server.process.memory_info().rss - before < 300_000_000
    run(check_draw_works(crowd_server))
