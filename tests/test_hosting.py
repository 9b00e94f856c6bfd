"""The files for hosting: that what they name is there, and that what one of them says fits the others."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import PurePosixPath

import pytest

from mnistdash.doctor import machine
from mnistdash.jobs import processes
from mnistdash.settings import PROJECT, Settings

HEALTH = "/_stcore/health"
MARGIN = 10  # seconds that a server needs to end beside those that it gives its trainings


def read(name: str) -> str:
    return (PROJECT / name).read_text()


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: ("COPY", "app.py ./")."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def all_of(kind: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == kind]


def the_one(kind: str) -> str:
    (rest,) = all_of(kind)
    return rest


def copied() -> Iterator[str]:
    """What the Dockerfile copies from the repository."""
    for rest in all_of("COPY"):
        yield from [word for word in shlex.split(rest) if not word.startswith("--")][:-1]


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a file through: the last line that speaks of it, or of a folder it is in, decides."""
    sent = True
    for line in read(".dockerignore").splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            parts = PurePosixPath(path).parts
            heads = ["/".join(parts[: count + 1]) for count in range(len(parts))]
            # "*" stays within a folder, "**/" stands for any number of them.
            names = parts if pattern.startswith("**/") else heads
            if any(_matches(name, pattern.removeprefix("**/")) for name in names):
                sent = line.startswith("!")
    return sent


def _matches(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and fnmatch(name, pattern)


def tracked() -> list[str]:
    """The files that git knows; where it cannot tell, those that are there."""
    if shutil.which("git"):
        done = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.rstrip("\0").split("\0")
    return [path.relative_to(PROJECT).as_posix() for path in PROJECT.rglob("*") if path.is_file()]


def setting_names() -> set[str]:
    """The variables that the settings are read from."""

    class Spy(dict):
        def get(self, name, default=None):
            names.add(name)
            return default

    names: set[str] = set()
    Settings.from_environment(Spy())
    return names


def compose_lines() -> dict[str, str]:
    """The one service's keys with a value in their own line, comments taken off."""
    lines = re.findall(r"^ +(\w+): +([^#\n]+?) *(?:#.*)?$", read("compose.yaml"), flags=re.MULTILINE)
    return dict(lines)


def test_everything_that_is_copied_is_in_the_repository_and_is_sent():
    sources, files = list(copied()), tracked()
    assert sources
    for source in sources:
        inside = [file for file in files if file == source or file.startswith(f"{source}/")]
        assert inside, f"{source} is not in the repository"
        assert all(map(is_sent, inside)), source


def test_everything_that_the_app_needs_is_copied():
    folders = {".streamlit", "mnistdash", "pages", "models/flagship"}
    assert set(copied()) == {"requirements.txt", "app.py", *folders}


def test_nothing_else_is_sent():
    for path in (".git/config", "tests/conftest.py", "docs/draw.png", "README.md", ".streamlit/secrets.toml"):
        assert not is_sent(path), path
    for path in ("mnistdash/__pycache__/ui.pyc", "mnistdash/training/__pycache__/ui.pyc", "models/mine/model.keras"):
        assert not is_sent(path), path
    for path in ("analysis/test.npz", "marks.json", "log.txt"):
        assert not is_sent(f"models/flagship/{path}"), path
    assert is_sent("models/flagship/model.tflite")
    assert is_sent("mnistdash/training/training.py")


def test_the_image_has_a_python_that_the_packages_exist_for():
    major, minor = re.fullmatch(r"python:(\d+)\.(\d+)-slim", the_one("FROM")).groups()
    assert machine.PYTHONS[0] <= (int(major), int(minor)) <= machine.PYTHONS[1]


def test_requirements_have_a_layer_of_their_own():
    order = [f"{kind} {rest}" for kind, rest in instructions() if kind in ("COPY", "RUN")]
    install = next(place for place, text in enumerate(order) if "pip install" in text)
    assert order[install - 1].startswith("COPY requirements.txt")
    assert not any(text.startswith("COPY") for text in order[: install - 1])


def test_the_server_is_started_without_a_shell_by_a_user_who_may_write_where_it_must():
    assert json.loads(the_one("CMD")) == ["python", "-m", "streamlit", "run", "app.py"]
    assert not all_of("ENTRYPOINT")
    assert the_one("STOPSIGNAL") == "SIGTERM"
    assert the_one("ARG") == "USER_ID=10001"
    assert the_one("USER") == "${USER_ID}"
    assert "install -d -o mnistdash -g mnistdash /models /cache" in all_of("RUN")[0]
    assert json.loads(the_one("VOLUME")) == ["/models", "/cache"]
    variables = dict(word.split("=", 1) for word in shlex.split(the_one("ENV")))
    assert variables["MNISTDASH_MODELS"] == "/models"
    assert variables["XDG_CACHE_HOME"] == "/cache"
    assert variables["STREAMLIT_SERVER_PORT"] == the_one("EXPOSE") == "8501"


def test_compose_gives_running_trainings_the_time_they_are_promised():
    assert int(compose_lines()["stop_grace_period"].removesuffix("s")) >= processes.GRACE_SECONDS + MARGIN


def test_compose_mounts_the_volumes_and_opens_the_port():
    text, lines = read("compose.yaml"), compose_lines()
    for folder in json.loads(the_one("VOLUME")):
        assert f"- {folder[1:]}:{folder}\n" in text
        assert f"\n  {folder[1:]}:\n" in text[text.index("\nvolumes:") :]
    assert '- "127.0.0.1:8501:8501"' in text, "open to the network only if someone says so"
    memory = int(lines["mem_limit"].removesuffix("g")) * 2**30
    assert memory > machine.SERVER + 2 * machine.TRAINING


def test_no_tab_indents_the_compose_file_and_each_level_takes_two_spaces():
    for line in read("compose.yaml").splitlines():
        indent = len(line) - len(line.lstrip())
        assert "\t" not in line
        assert indent % 2 == 0


@pytest.mark.parametrize("name", ["compose.yaml", "docs/hosting.md"])
def test_only_settings_that_exist_are_named(name):
    named = set(re.findall(r"MNISTDASH_[A-Z_]*[A-Z]", read(name)))
    assert named <= setting_names()


def test_every_setting_is_explained():
    rows = re.findall(r"^\| `(MNISTDASH_\w+)` \|", read("docs/hosting.md"), flags=re.MULTILINE)
    assert set(rows) == setting_names()
    assert len(rows) == len(set(rows))


@pytest.fixture
def answering() -> Iterator:
    """A server that answers the health path with a status: answering(200) -> port."""
    servers = []

    def answer(status: int) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == HEALTH else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1].server_port

    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_health_check_tells_a_server_that_answers_from_one_that_does_not(answering):
    command = json.loads(the_one("HEALTHCHECK").split("CMD ", 1)[1])
    _, *same = json.loads(compose_lines()["test"])
    assert command == same
    assert command[:2] == ["python", "-c"]

    def check(port: int) -> int:
        code = command[2].replace("8501", str(port))
        # A container behind a proxy must not ask that for itself.
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:1", "no_proxy": ""}
        return subprocess.run([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL).returncode

    assert f":8501{HEALTH}'" in command[2]
    assert check(answering(200)) == 0
    assert check(answering(503)) != 0
    assert check(1) != 0


FAKE_VENV = """#!/bin/sh
# Stands in for `python3 -m venv FOLDER`.
mkdir -p "$3/bin"
ln -s "$REAL_PYTHON" "$3/bin/python"
printf '#!/bin/sh\\nexit %s' "$PIP_STATUS" > "$3/bin/pip"
printf '#!/bin/sh\\ncat "$REPORT"; exit 1' > "$3/bin/pip-audit"
chmod +x "$3/bin/pip" "$3/bin/pip-audit"
"""
FINE = {"name": "fine", "version": "1.0", "vulns": []}
SKIPPED = {"name": "strange", "skip_reason": "Dependency not found"}
VULNERABLE = {"name": "bad", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}


@pytest.mark.parametrize(
    ("pip_status", "packages", "status", "line"),
    [
        (1, [FINE], 3, "No audit: pip-audit cannot be installed; "),
        (0, None, 3, "No audit: the vulnerability service or the package registry cannot be reached."),
        (0, [SKIPPED], 3, "No audit: the vulnerability service knows none of 1 packages, or cannot be reached."),
        (0, [FINE, SKIPPED], 3, "No known vulnerabilities in 1 packages; not looked up: strange."),
        (0, [FINE, VULNERABLE, SKIPPED], 1, "bad 2.0: CVE-1, fixed in 2.1"),
        (0, [FINE], 0, "No known vulnerabilities in 1 packages."),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="it is a shell script")
def test_the_audit_tells_what_it_found_from_what_it_could_not_look_up(tmp_path, pip_status, packages, status, line):
    (tmp_path / "python3").write_text(FAKE_VENV)
    (tmp_path / "python3").chmod(0o755)
    (tmp_path / "report").write_text("" if packages is None else json.dumps({"dependencies": packages}))
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "REAL_PYTHON": sys.executable,
        "PIP_STATUS": str(pip_status),
        "REPORT": str(tmp_path / "report"),
    }
    done = subprocess.run([PROJECT / ".ci" / "audit"], env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert done.stdout.startswith(line)
    assert done.stdout.count("\n") == 1


def test_the_audit_is_no_part_of_what_must_pass():
    assert ".ci/audit" not in read(".ci/run")


def test_replicas_are_chosen_by_a_cookie_as_a_class_has_one_address():
    """Behind one router everybody has the same address."""
    (config,) = re.findall(r"```nginx\n(.*?)```", read("docs/hosting.md"), flags=re.DOTALL)
    assert config.count("{") == config.count("}")
    directives = {" ".join(line.split(" #")[0].split()) for line in config.splitlines()}
    assert "ip_hash" not in config
    assert directives >= {
        "map $cookie_mnistdash $replica {",
        "proxy_pass http://replica_$replica;",
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "proxy_set_header Host $http_host;",
        "client_max_body_size 20m;",
    }
    assert "maxUploadSize = 20 " in read(".streamlit/config.toml")


def test_links_lead_somewhere():
    text = read("docs/hosting.md")
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ ([\w ]+)$", text, flags=re.MULTILINE)}
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        assert target[1:] in headings if target.startswith("#") else (PROJECT / "docs" / target).exists(), target
