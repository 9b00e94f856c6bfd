import gzip
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
HASHES = idx_files.hashes(FILES)
FIRST, SECOND, THIRD, _ = FILES


@pytest.fixture
def mirror():
    """Return a function that starts HTTP servers: mirror(answer) returns a URL.

    answer(name) returns the content, None for status 404, "cut" or "stall".
    """
    servers = []

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.strip("/").removesuffix(".gz")
                data = answer(name)
                self.send_response(404 if data is None else 200)
                body = whole(name) if data in ("cut", "stall") else data or b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if data in ("cut", "stall") else body)
                if data == "stall":
                    time.sleep(1)

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
    return idx_files.compressed(FILES[name])


def names_in(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    "first",
    [lambda name: None, lambda name: "cut", lambda name: gzip.compress(FILES[name] + b"x"), lambda name: b"<html>"],
    ids=["missing", "truncated", "altered", "html"],
)
def test_second_mirror_replaces_a_broken_first(mirror, monkeypatch, tmp_path, first):
    monkeypatch.setattr(download, "MIRRORS", (mirror(first), mirror(whole)))
    download_files(HASHES, tmp_path, None)
    assert names_in(tmp_path) == {f"{name}.gz" for name in FILES}


def test_only_missing_and_damaged_files_are_downloaded(mirror, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(download, "MIRRORS", (mirror(lambda name: asked.append(name) or whole(name)),))
    idx_files.write(tmp_path, FILES)
    missing, damaged = (tmp_path / f"{name}.gz" for name in (SECOND, THIRD))
    missing.unlink()
    damaged.write_bytes(b"damaged")
    download_files(HASHES, tmp_path, None)
    assert asked == [SECOND, THIRD]
    assert damaged.read_bytes() == whole(THIRD)


def test_unreachable_mirror_is_skipped(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:1/", mirror(whole)))
    download_files(HASHES, tmp_path, None)
    assert names_in(tmp_path) == {f"{name}.gz" for name in FILES}


def test_stalled_mirror_is_skipped(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "TIMEOUT", (1, 0.3))
    monkeypatch.setattr(download, "MIRRORS", (mirror(lambda name: "stall"), mirror(whole)))
    download_files({FIRST: HASHES[FIRST]}, tmp_path, None)
    assert names_in(tmp_path) == {f"{FIRST}.gz"}


def test_error_names_the_failure_of_each_mirror(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:1/", mirror(lambda name: None)))
    with pytest.raises(
        DataUnavailableError, match=r"127.0.0.1:1 cannot be reached and .* answered 404 .*MNISTDASH_DATA"
    ):
        download_files(HASHES, tmp_path, None)
    assert names_in(tmp_path) == set()


def test_truncated_download_leaves_no_file(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", (mirror(lambda name: "cut"),))
    with pytest.raises(DataUnavailableError):
        download_files(HASHES, tmp_path, None)
    assert names_in(tmp_path) == set()


def test_interrupted_download_leaves_only_complete_files(mirror, monkeypatch, tmp_path):
    """Ctrl-C during the second file keeps only the first."""
    monkeypatch.setattr(download, "MIRRORS", (mirror(whole),))
    first = len(whole(FIRST))

    def interrupt(received: int, total: int) -> None:
        if received > first:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_files(HASHES, tmp_path, interrupt)
    assert names_in(tmp_path) == {f"{FIRST}.gz"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_terminated_process_cleans_up(tmp_path, environment):
    """Terminate the process while a mirror keeps the connection open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = f"""
import platformdirs
from pathlib import Path
from mnistdash.cli.main import main
from mnistdash.data import download
platformdirs.user_cache_path = lambda name: Path({str(tmp_path)!r}) / name
download.MIRRORS = ("http://127.0.0.1:{listener.getsockname()[1]}/",)
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


def test_progress_grows_to_the_total(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "MIRRORS", (mirror(whole),))
    total = sum(len(whole(name)) for name in FILES)
    monkeypatch.setattr(download, "TOTAL_BYTES", total)
    seen = []
    download_files(HASHES, tmp_path, lambda received, total: seen.append((received, total)))
    assert seen[-1] == (total, total)
    assert [received for received, _ in seen] == sorted(received for received, _ in seen)
    assert {total for _, total in seen} == {total}


def test_unwritable_cache_is_named(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DataUnavailableError, match="cannot be stored in"):
        download_files(HASHES, blocked / "cache", None)
