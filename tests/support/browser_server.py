"""A running dashboard for tests."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from mnistdash.settings import PROJECT


class Server:
    """A running dashboard.

    Attributes:
        url: address of the home page.
        models: models folder, with a copy of the flagship.
        process: the server process.
    """

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.models = folder / "models"
        shipped = PROJECT / "models" / "flagship"
        shutil.copytree(shipped, self.models / "flagship", ignore=shutil.ignore_patterns("analysis", "marks.json"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        self._popen = subprocess.Popen(
            [*command, f"--server.port={port}", "--server.address=127.0.0.1", "--server.fileWatcherType=none"],
            cwd=PROJECT,
            env={**os.environ, "MNISTDASH_STAND_BY": "0", **environment, "MNISTDASH_MODELS": str(self.models)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.process = psutil.Process(self._popen.pid)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.1)

    def end(self) -> None:
        """Terminate the server and wait for its end."""
        self._popen.terminate()
        self._popen.wait(30)


def with_sample(cache: Path) -> dict[str, str]:
    """Return environment variables that load the offline sample without a download attempt."""
    nowhere = {"https_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}
    return {"MNISTDASH_DATA": "", "XDG_CACHE_HOME": str(cache), **nowhere}
