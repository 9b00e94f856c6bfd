import os
import subprocess
import sys

import psutil
import pytest

from mnistdash.system import resources


def test_available_memory_is_limited_by_the_container(tmp_path):
    everything = resources.available_memory(tmp_path)
    assert everything > 0
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert resources.available_memory(tmp_path) > 1_000_000
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 600\n")
    assert resources.available_memory(tmp_path) == 4600, "the file cache counts as available"
    (tmp_path / "memory.current").write_text("9000\n")
    assert resources.available_memory(tmp_path) == 0


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 4),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("0 100000", 1),
        ("900000 100000", 4),
        ("nonsense", 4),
    ],
)
def test_usable_cores_are_limited_by_the_container(tmp_path, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert resources.usable_cores(tmp_path) == cores


def test_without_a_container_usable_cores_are_those_of_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 3}, raising=False)
    assert resources.usable_cores(tmp_path) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert resources.usable_cores(tmp_path) == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert resources.usable_cores(tmp_path) == 1


def test_priority_is_lowered_for_the_group_of_a_session_too(environment):
    read = "resources.AUTOGROUP.read_text().strip() if resources.AUTOGROUP.exists() else None"
    script = f"from mnistdash.system import resources; resources.lower_priority(7); print({read}, flush=True); input()"
    before = str(eval(read))  # empty in containers without session groups
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    for start_new_session in (True, False):
        with subprocess.Popen(
            [sys.executable, "-c", script], env=environment, start_new_session=start_new_session, **pipes
        ) as child:
            group = child.stdout.readline().strip()
            assert psutil.Process(child.pid).nice() == 7
            child.communicate("\n")
        if start_new_session and resources.AUTOGROUP.exists():
            assert group.endswith("nice 7")
        else:
            assert group == before, "the priority of a shared group is unchanged"
