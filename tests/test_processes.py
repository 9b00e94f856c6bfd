import subprocess
import sys
from dataclasses import replace

from mnistdash import processes
from mnistdash.processes import Process


def test_this_process_is_alive():
    assert Process.current().is_alive()


def test_a_later_process_with_the_same_number_is_another():
    """Numbers are used again, after a restart all the more."""
    current = Process.current()
    assert not replace(current, created=current.created - 60).is_alive()


def test_one_that_has_ended_is_not_alive_even_before_it_is_waited_for():
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from mnistdash.processes import Process as P; p = P.current(); print(p.pid, p.created)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid, created = child.stdout.read().split()
    ended = Process(int(pid), float(created))
    child.stdout.close()
    try:
        child.wait(10)
    finally:
        assert not ended.is_alive()


def test_a_container_may_use_no_more_memory_than_it_is_given(tmp_path):
    everything = processes.available_memory(tmp_path)
    assert everything > 0
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert processes.available_memory(tmp_path) > 1_000_000
    (tmp_path / "memory.max").write_text("5000\n")
    assert processes.available_memory(tmp_path) == 4000
    (tmp_path / "memory.current").write_text("6000\n")
    assert processes.available_memory(tmp_path) == 0
