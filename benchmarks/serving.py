"""Servers and browser for benchmarks of pages."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def find_chromium() -> str:
    """Return the path of an installed Chromium, or exit with a message."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("Chromium is required: install it, or set CHROMIUM to its path.")
    return path


def serve(script: Path, port: int, **environment: str) -> subprocess.Popen:
    """Start a Streamlit script without a warm worker, and wait until it responds."""
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true"]
    server = subprocess.Popen(
        [*command, f"--server.port={port}", "--server.address=127.0.0.1", "--server.fileWatcherType=none"],
        cwd=PROJECT,
        env={**os.environ, "MNISTDASH_STAND_BY": "0", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            return server
        except OSError:
            if server.poll() is not None:
                sys.exit(f"The server for {script.name} did not start.")
            time.sleep(0.1)
