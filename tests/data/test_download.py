import gzip
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import idx_files
import pytest

from mnistdash.data import download
from mnistdash.data.download import download_files
from mnistdash.exceptions import DataUnavailableError

FILES = idx_files.contents()
DESCRIBED = idx_files.described(FILES)


@pytest.fixture
def mirror():
    """Start HTTP servers: mirror(answer) gives an address; answer(name) gives bytes, None (404), "cut" or "stall"."""
    servers = []

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.strip("/").removesuffix(".gz")
                data = answer(name)
                self.send_response(404 if data is None else 200)
                body = gzip.compress(FILES[name]) if data in ("cut", "stall") else data or b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if data in ("cut", "stall") else body)
                if data == "stall":
                    time.sleep(3)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def whole(name: str) -> bytes:
    return gzip.compress(FILES[name])


def names_in(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    "first",
    [lambda name: None, lambda name: "cut", lambda name: gzip.compress(FILES[name] + b"x"), lambda name: b"<html>"],
    ids=["missing", "cut short", "altered", "html"],
)
def test_the_second_mirror_is_tried(mirror, monkeypatch, tmp_path, first):
    monkeypatch.setattr(download, "MIRRORS", (mirror(first), mirror(whole)))
    download_files(DESCRIBED, tmp_path, None)
    assert names_in(tmp_path) == {f"{name}.gz" for name in FILES}


def test_a_mirror_that_does_not_answer_is_passed_over(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:1/", mirror(whole)))
    download_files(DESCRIBED, tmp_path, None)
    assert names_in(tmp_path) == {f"{name}.gz" for name in FILES}


def test_a_mirror_that_stalls_is_given_up_and_the_next_one_tried(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "TIMEOUT", (1, 0.3))
    monkeypatch.setattr(download, "MIRRORS", (mirror(lambda name: "stall"), mirror(whole)))
    download_files(DESCRIBED[:1], tmp_path, None)
    assert names_in(tmp_path) == {f"{DESCRIBED[0].name}.gz"}


def test_where_no_mirror_helps_the_error_says_what_each_did(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:1/", mirror(lambda name: None)))
    with pytest.raises(
        DataUnavailableError, match=r"127.0.0.1:1 cannot be reached and .* answered 404 .*MNISTDASH_DATA"
    ):
        download_files(DESCRIBED, tmp_path, None)
    assert names_in(tmp_path) == set()


def test_a_cut_download_leaves_nothing_behind(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", (mirror(lambda name: "cut"),))
    with pytest.raises(DataUnavailableError):
        download_files(DESCRIBED, tmp_path, None)
    assert names_in(tmp_path) == set()


def test_an_interrupted_download_leaves_only_whole_files(mirror, monkeypatch, tmp_path):
    """Ctrl-C while the second file comes in: the first stays, of the second there is nothing."""
    monkeypatch.setattr(download, "MIRRORS", (mirror(whole),))
    first = DESCRIBED[0].download

    def interrupt(received: int, total: int) -> None:
        if received > first:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_files(DESCRIBED, tmp_path, interrupt)
    assert names_in(tmp_path) == {f"{DESCRIBED[0].name}.gz"}


def test_what_a_killed_process_left_is_swept_away_later(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", (mirror(whole),))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, old, alive = (tmp_path / f"download-{pid}-x{pid}" for pid in (ended.pid, os.getpid(), os.getppid()))
    for folder in (dead, old, alive):
        folder.mkdir()
    long_ago = time.time() - 2 * download.STALE
    os.utime(old, (long_ago, long_ago))
    download_files(DESCRIBED, tmp_path, None)
    assert not dead.exists()
    assert not old.exists()
    assert alive.exists(), "it may belong to a download under way"


def test_a_process_that_is_told_to_end_cleans_up(tmp_path, environment):
    """A mirror that keeps the connection open, and a host that shuts down meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = f"""
import platformdirs
from pathlib import Path
from mnistdash import mirrors
from mnistdash.__main__ import main
platformdirs.user_cache_path = lambda name: Path({str(tmp_path)!r}) / name
mirrors.MIRRORS = ("http://127.0.0.1:{listener.getsockname()[1]}/",)
main(["data"])
"""
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env={**environment, "MNISTDASH_DATA": "", "no_proxy": "127.0.0.1"},
        )
        connection, _ = listener.accept()
        cache = tmp_path / "mnistdash"
        assert names_in(cache)
        process.terminate()
        assert process.wait(30) == 143
        connection.close()
    assert names_in(cache) == set()


def test_progress_grows_to_the_whole(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", (mirror(whole),))
    seen = []
    download_files(DESCRIBED, tmp_path, lambda received, total: seen.append((received, total)))
    total = sum(file.download for file in DESCRIBED)
    assert seen[-1] == (total, total)
    assert [received for received, _ in seen] == sorted(received for received, _ in seen)
    assert {total for _, total in seen} == {total}


def test_a_cache_that_cannot_be_written_to_is_named(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DataUnavailableError, match="cannot be stored in"):
        download_files(DESCRIBED, blocked / "cache", None)
