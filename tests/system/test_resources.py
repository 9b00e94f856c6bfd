import os
import subprocess
import sys
import threading

import psutil
import pytest

from mnistdash.system import malloc, resources


def test_a_container_may_use_no_more_memory_than_it_is_given(tmp_path):
    everything = resources.available_memory(tmp_path)
    assert everything > 0
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert resources.available_memory(tmp_path) > 1_000_000
    (tmp_path / "memory.max").write_text("5000\n")
    assert resources.available_memory(tmp_path) == 4000
    (tmp_path / "memory.stat").write_text("anon 200\ninactive_file 600\n")
    assert resources.available_memory(tmp_path) == 4600, "what can be given up is free"
    (tmp_path / "memory.current").write_text("6000\n")
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
def test_a_container_may_use_no_more_cores_than_it_is_given(tmp_path, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert resources.usable_cores(tmp_path) == cores


def test_without_a_container_all_cores_that_the_process_is_bound_to_count(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 3}, raising=False)
    assert resources.usable_cores(tmp_path) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert resources.usable_cores(tmp_path) == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert resources.usable_cores(tmp_path) == 1


def test_what_was_freed_is_given_back(output_of):
    """In a process of its own: many small pieces, of which one in a thousand is kept."""
    script = (
        "import psutil; from mnistdash.system.malloc import trim_memory as back\n"
        "size = lambda: psutil.Process().memory_info().rss\n"
        "pieces = [bytes(3_000) for _ in range(60_000)]\n"
        "kept = pieces[::1000]; full = size(); del pieces; back(); print(full - size())"
    )
    assert int(output_of(script)) > 100_000_000


def test_a_large_array_that_a_thread_had_is_given_back_too(output_of):
    """In a process of its own; otherwise as much as the array stays, however often it is asked for."""
    script = (
        "import threading, numpy as np, psutil; from mnistdash.system import malloc as processes\n"
        "processes.limit_malloc_arenas(); size = lambda: psutil.Process().memory_info().rss\n"
        "def work():\n"
        "    for _ in range(3): np.ones(14_000_000, np.uint8)\n"
        "before, thread = size(), threading.Thread(target=work)\n"
        "thread.start(); thread.join(); processes.trim_memory(); print(size() - before)"
    )
    assert int(output_of(script)) < 3_000_000


def test_a_process_in_a_session_of_its_own_gives_way_to_those_of_others(environment):
    read = "resources.AUTOGROUP.read_text().strip() if resources.AUTOGROUP.exists() else None"
    script = f"from mnistdash.system import resources; resources.lower_priority(7); print({read}, flush=True); input()"
    before = str(eval(read))  # empty where Linux has no group for this session, as in some containers
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
            assert group == before, "the group of others stays as it was"


def test_one_thread_gives_memory_back_however_often_it_is_asked_for():
    before = threading.active_count()
    for _ in range(3):
        malloc.trim_memory_periodically(3600.0)
    assert threading.active_count() == before + 1
