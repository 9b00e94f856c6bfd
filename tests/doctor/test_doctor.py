"""The doctor is for broken installations: most of these tests break something."""

import errno
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import idx_files
import numpy as np
import pytest

from mnistdash.data import mnist
from mnistdash.doctor import __main__ as doctor___main__
from mnistdash.doctor import machine, storage
from mnistdash.doctor.findings import Finding
from mnistdash.doctor.models import RESTORE, SHIPPED
from mnistdash.inference import model
from mnistdash.runs import store
from mnistdash.runs.run import CARD, CONFIG, TFLITE
from mnistdash.settings import PROJECT, Settings
from mnistdash.system import locks, resources

RIGHTS = "-dac_override,-dac_read_search"  # by which root may read and write all files
WITHOUT_RIGHTS = ("setpriv", f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}")


def run(code: str = "from mnistdash.doctor import __main__ as doctor; sys.exit(doctor.main())", **environment: str):
    """Run the doctor in a process of its own, for which permissions count: they do not for root."""
    command = [sys.executable, "-c", f"import sys; {code}"]
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("setpriv"):
        command = [*WITHOUT_RIGHTS, *command]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **environment}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60)


def the_one(findings: list[Finding], text: str) -> Finding:
    """The finding that speaks of something; there must be exactly one."""
    about = [finding for finding in findings if text in finding.what]
    assert len(about) == 1, doctor___main__.lines(findings)
    return about[0]


@pytest.fixture
def settings(flagship, monkeypatch, tmp_path) -> Settings:
    """Four small files in MNIST's place, the shipped model, an empty cache, and a machine that is large enough."""
    files = idx_files.contents()
    monkeypatch.setattr(mnist, "FILES", idx_files.described(files))
    monkeypatch.setattr(mnist, "VALIDATION_IMAGES", 10)
    idx_files.write(tmp_path / "data", files)
    monkeypatch.setattr(machine, "SERVER", 1000)
    monkeypatch.setattr(machine, "TRAINING", 1000)
    monkeypatch.setattr(storage, "LOW_MODELS", 1000)
    monkeypatch.setattr(storage, "LOW_CACHE", 1000)
    monkeypatch.setattr(resources, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    return Settings(data=tmp_path / "data", cache=tmp_path / "cache", models=flagship.folder.parent)


def contain(tmp_path: Path, **files: str) -> None:
    """Pretend to be a container with these limits."""
    (tmp_path / "cgroup").mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / "cgroup" / name.replace("_", ".")).write_text(text)


def test_where_all_is_well_there_is_nothing_to_do(settings):
    findings = doctor___main__.examine(settings)
    assert {finding.level for finding in findings} == {"ok"}, doctor___main__.lines(findings)
    assert not any(finding.advice for finding in findings)
    assert doctor___main__.status(findings) == 0
    assert "right SHA-256" in the_one(findings, str(settings.data)).what
    assert the_one(findings, "1 model loads and answers; 1 run in")


def test_nothing_stays_behind(settings, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    doctor___main__.examine(settings)
    assert sorted(tmp_path.rglob("*")) == before


def test_lines_are_aligned_and_the_exit_status_tells_of_problems_only():
    findings = [Finding("ok", "Fine."), Finding("warning", "Slow.", "Wait.")]
    assert doctor___main__.lines(findings) == ["ok       Fine.", "warning  Slow. Wait."]
    assert doctor___main__.status(findings) == 0
    findings.append(Finding("problem", "The end of its log:\nbroken"))
    assert doctor___main__.lines(findings)[-1] == "problem  The end of its log: broken"
    assert doctor___main__.status(findings) == 1


def test_tensorflow_is_not_imported(models, offline):
    code = "from mnistdash.doctor import __main__ as doctor; doctor.main(); sys.exit('tensorflow' in sys.modules)"
    done = run(code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problem  The model flagship" in done.stdout, "it went on to the end"


def test_another_python_is_a_problem(settings, monkeypatch):
    monkeypatch.setattr(machine, "PYTHONS", ((3, 98), (3, 99)))
    found = the_one(doctor___main__.examine(settings), "is not supported")
    assert (found.level, found.advice) == ("problem", "Use Python 3.98 to 3.99.")


def test_packages_are_compared_with_the_pins_that_are_meant_for_this_machine(settings, monkeypatch, tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "# a comment\n\n"
        "numpy==0.0.1 # another\n"
        "packaging>=1\n"
        "no-such-package-here==1.0\n"
        'not-for-us==1.0; sys_platform == "nowhere"\n'
    )
    monkeypatch.setattr(machine, "PROJECT", tmp_path)
    findings = doctor___main__.examine(settings)
    other = the_one(findings, f"numpy {np.__version__} is installed; ==0.0.1")
    missing = the_one(findings, "The package no-such-package-here is missing; ==1.0 is needed.")
    assert (other.level, missing.level) == ("warning", "problem")
    assert "pip install" in other.advice
    assert "pip install" in missing.advice
    assert not any("packaging" in finding.what or "not-for-us" in finding.what for finding in findings)


def test_the_larger_build_of_a_package_stands_in_for_the_smaller(settings, monkeypatch, tmp_path):
    (tmp_path / "requirements.txt").write_text("no-such-package-here>=1")
    monkeypatch.setattr(machine, "PROJECT", tmp_path)
    monkeypatch.setattr(machine, "STAND_INS", {"no-such-package-here": "numpy"})
    assert the_one(doctor___main__.examine(settings), "All 1 packages").level == "ok"


def test_without_requirements_the_rest_is_examined(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "PROJECT", tmp_path)
    findings = doctor___main__.examine(settings)
    assert the_one(findings, "The packages cannot be checked: FileNotFoundError").level == "problem"
    assert the_one(findings, "1 model loads")


@pytest.mark.parametrize("package", ["psutil", "platformdirs", "packaging.requirements", "ai_edge_litert.interpreter"])
def test_a_package_that_is_missing_is_a_finding_and_no_traceback(flagship, offline, package):
    done = run(
        f"sys.modules[{package!r}] = None; from mnistdash.doctor import __main__ as doctor; sys.exit(doctor.main())"
    )
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(line.split()[0] in ("ok", "warning", "problem") for line in lines), done.stdout
    assert any(line.startswith("problem") and package in line for line in lines), done.stdout
    assert lines[0].startswith("ok       Python")


def test_a_setting_that_makes_no_sense_is_a_finding(models, offline):
    done = run(MNISTDASH_RUNS="many")
    assert done.returncode == 1
    assert "problem  The settings cannot be read: " in done.stdout
    assert "MNISTDASH_RUNS" in done.stdout
    assert done.stderr == ""


def test_one_core_is_a_warning(settings, tmp_path):
    contain(tmp_path, cpu_max="50000 100000")
    assert the_one(doctor___main__.examine(settings), "One processor core").level == "warning"


@pytest.mark.parametrize(
    ("limit", "used", "level", "text"),
    [
        ("2500", "0", "ok", "free"),
        ("2500", "1500", "warning", "a server takes"),
        ("1500", "0", "warning", "There are 0 MB"),
        ("500", "0", "problem", "There are 0 MB"),
    ],
)
def test_memory_is_what_a_container_may_take(settings, tmp_path, limit, used, level, text):
    contain(tmp_path, memory_max=limit, memory_current=used)
    found = the_one(doctor___main__.examine(settings), "of memory")
    assert found.level == level
    assert text in found.what
    assert bool(found.advice) == (level != "ok")


def test_where_nobody_trains_less_memory_will_do(settings, tmp_path):
    contain(tmp_path, memory_max="1500", memory_current="0")
    assert the_one(doctor___main__.examine(replace(settings, readonly=True)), "of memory").level == "ok"
    contain(tmp_path, memory_max="2500")
    assert the_one(doctor___main__.examine(replace(settings, concurrent_runs=2)), "of memory").level == "warning"


def test_without_mnist_it_says_how_to_get_it(settings):
    found = the_one(doctor___main__.examine(replace(settings, data=None)), "MNIST is not at hand")
    assert found.level == "warning"
    assert "python -m mnistdash data" in found.advice
    assert not settings.cache.exists()


def test_a_folder_without_the_files_is_named_and_the_cache_looked_at(settings, tmp_path):
    (tmp_path / "empty").mkdir()
    findings = doctor___main__.examine(replace(settings, data=tmp_path / "empty", cache=settings.data))
    assert the_one(findings, f"MNISTDASH_DATA names {tmp_path / 'empty'}").level == "warning"
    assert the_one(findings, f"MNIST is in {settings.data}").level == "ok"


def test_a_damaged_file_is_found_and_left_as_it_is(settings):
    damaged = next(settings.data.glob("t10k-labels*"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    before = damaged.read_bytes()
    found = the_one(doctor___main__.examine(settings), str(damaged))
    assert (found.level, found.advice) == ("problem", "Bring that file again, or unset MNISTDASH_DATA.")
    found = the_one(doctor___main__.examine(replace(settings, data=None, cache=settings.data)), str(damaged))
    assert found.level == "warning", "the cache mends itself"
    assert damaged.read_bytes() == before


def test_without_the_shipped_model_it_says_where_to_get_it(settings, make_run):
    make_run("mine", events=[{"event": "ended", "status": "finished"}], card={})
    shutil.rmtree(settings.models / "flagship")
    findings = doctor___main__.examine(settings)
    found = the_one(findings, "The model flagship")
    assert found.level == "problem"
    assert "models/flagship" in found.advice
    assert the_one(findings, "1 model loads and answers; 1 run in").level == "ok"


def test_a_damaged_shipped_model_is_replaced_and_not_deleted(settings):
    (settings.models / "flagship" / CARD).write_text("{")
    findings = doctor___main__.examine(settings)
    assert the_one(findings, "flagship").advice == SHIPPED


def _truncate(folder: Path) -> None:
    path = folder / TFLITE
    path.write_bytes(path.read_bytes()[:100_000])


def _truncate_as_described(folder: Path) -> None:
    _truncate(folder)
    text = (folder / CARD).read_text()
    card = store.load_run(folder).card
    (folder / CARD).write_text(text.replace(str(card.bytes), "100000").replace(card.sha256, "0" * 64))


def _swap_a_byte(folder: Path) -> None:
    content = bytearray((folder / TFLITE).read_bytes())
    content[len(content) // 2] ^= 255
    (folder / TFLITE).write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        (lambda folder: (folder / CARD).write_text("{"), "card.json"),
        (lambda folder: (folder / CARD).write_bytes(b"\xff\xfe\x00"), "card.json"),
        (lambda folder: (folder / CARD).write_text('{"name": 3}'), "card.json"),
        (lambda folder: (folder / CONFIG).write_text("[]"), "config.json"),
        (lambda folder: (folder / CONFIG).unlink(), "config.json is missing"),
        (lambda folder: (folder / TFLITE).unlink(), "model.tflite"),
        (_truncate, "model.tflite"),
        (_truncate_as_described, "model.tflite"),
        (_swap_a_byte, "model.tflite"),
    ],
)
def test_a_model_that_cannot_be_used_is_a_problem(settings, make_run, harm, text):
    ended = [{"event": "ended", "status": "finished"}]
    harm(make_run("mine", events=ended, card={}))
    findings = doctor___main__.examine(settings)
    found = the_one(findings, "mine")
    assert (found.level, found.advice) == ("problem", RESTORE)
    assert text in found.what
    assert not any("flagship" in finding.what for finding in findings)


@pytest.mark.parametrize("answer", [np.full((1, 10), np.nan, np.float32), np.zeros((1, 10)), np.full((1, 9), 1 / 9)])
def test_answers_must_be_probabilities(settings, monkeypatch, answer):
    monkeypatch.setattr(model.Model, "__call__", lambda self, images: answer)
    assert the_one(doctor___main__.examine(settings), "are no probabilities").level == "problem"


def test_a_model_that_gives_no_answer_is_a_problem(settings, monkeypatch):
    def fail(self, images):
        raise RuntimeError("Input tensor 2 lacks data")

    monkeypatch.setattr(model.Model, "__call__", fail)
    assert the_one(doctor___main__.examine(settings), "gives no answer").level == "problem"


def test_what_nobody_thought_of_is_a_finding_too(settings, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(store, "load_run", fail)
    monkeypatch.setattr(mnist, "is_complete", fail)
    findings = doctor___main__.examine(settings)
    assert the_one(findings, "flagship cannot be read: ZeroDivisionError.").level == "problem"
    assert the_one(findings, "MNIST cannot be checked: ZeroDivisionError.").level == "problem"


def test_a_run_that_came_to_nothing_and_cannot_be_read_is_a_warning(settings, make_run):
    (make_run("mine") / CONFIG).write_text("{}")
    make_run("failed", events=[{"event": "ended", "status": "failed", "reason": "It was unlucky."}])
    (settings.models / "lost+found").mkdir()
    (settings.models / "notes").mkdir()
    findings = doctor___main__.examine(settings)
    assert the_one(findings, "mine/config.json").level == "warning"
    assert doctor___main__.status(findings) == 0
    assert not any(name in line for name in ("failed", "lost", "notes") for line in doctor___main__.lines(findings))


def test_as_many_runs_as_there_may_be_are_a_warning(settings, make_run):
    make_run("mine", events=[{"event": "ended", "status": "failed", "reason": ""}])
    found = the_one(
        doctor___main__.examine(replace(settings, kept_runs=2)), "There are 2 runs, and MNISTDASH_RUNS allows 2"
    )
    assert found.level == "warning"


def test_a_folder_of_models_that_is_not_there_can_be_made(settings, tmp_path):
    findings = doctor___main__.examine(replace(settings, models=tmp_path / "new" / "models"))
    assert the_one(findings, "models, which is not there yet, can be written to").level == "ok"
    assert the_one(findings, "The model flagship").level == "problem"
    assert not (tmp_path / "new").exists()


def test_little_room_is_a_warning(settings, monkeypatch):
    monkeypatch.setattr(storage, "LOW_MODELS", 10**18)
    found = the_one(doctor___main__.examine(settings), f"{settings.models} has ")
    assert (found.level, found.advice) == ("warning", storage.ROOM)


def test_a_full_disk_is_a_problem(settings, monkeypatch):
    @contextmanager
    def full(path: Path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield path

    monkeypatch.setattr("mnistdash.system.atomic.atomic_path", full)
    found = the_one(
        doctor___main__.examine(settings), f"{settings.models} cannot be written to: No space left on device."
    )
    assert (found.level, found.advice) == ("problem", storage.ROOM)


def test_locks_that_do_not_work_are_a_problem(settings, monkeypatch):
    monkeypatch.setattr(locks, "is_locked", lambda path: False)
    assert the_one(doctor___main__.examine(settings), "Locks do not work").level == "problem"


@pytest.fixture
def locked(flagship, offline):
    """Take rights away from paths until the end of the test: locked(path, 0o555)."""
    before = []

    def lock(path: Path, mode: int) -> None:
        before.append((path, path.stat().st_mode))
        path.chmod(mode)

    yield lock
    for path, mode in reversed(before):
        path.chmod(mode)


unix = pytest.mark.skipif(sys.platform == "win32", reason="rights are others there")


@unix
def test_a_folder_that_may_only_be_read_is_a_problem(flagship, locked):
    locked(flagship.folder.parent, 0o555)
    locked(flagship.folder, 0o555)
    done = run()
    assert done.returncode == 1
    assert f"problem  {flagship.folder.parent} cannot be written to: Permission denied." in done.stdout
    assert "keeps nothing with them: flagship." in done.stdout
    done = run(MNISTDASH_READONLY="1")
    assert done.returncode == 0, "with that it need not be written to"
    assert "MNISTDASH_READONLY" in done.stdout


@unix
def test_a_cache_that_cannot_be_made_is_a_problem(locked, tmp_path):
    (tmp_path / "cache").mkdir()
    locked(tmp_path / "cache", 0o555)
    done = run()
    assert done.returncode == 1
    assert "which is not there yet, cannot be written to: Permission denied." in done.stdout


@unix
@pytest.mark.parametrize("name", [".", CARD, CONFIG, TFLITE])
def test_what_may_not_be_read_is_a_problem(flagship, locked, name):
    locked(flagship.folder / name, 0)
    done = run()
    assert done.returncode == 1
    assert done.stderr == ""
    assert any("flagship" in line for line in done.stdout.splitlines() if line.startswith("problem")), done.stdout


@unix
def test_a_folder_of_models_that_may_not_be_listed_is_a_problem(flagship, locked):
    locked(flagship.folder.parent, 0)
    done = run()
    assert done.returncode == 1
    assert done.stderr == ""
    assert "problem  The folder of models cannot be checked: PermissionError" in done.stdout


@unix
def test_a_file_that_cannot_grow_is_a_problem(flagship, offline):
    """As where a quota is used up."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    done = run(f"{limit}; from mnistdash.doctor import __main__ as doctor; sys.exit(doctor.main())")
    assert done.returncode == 1
    assert f"problem  {flagship.folder.parent} cannot be written to: File too large." in done.stdout
    assert not list(flagship.folder.parent.glob(".writing-*"))
