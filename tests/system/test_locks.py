import subprocess
import sys

import pytest
from mnistdash.system.liveness import LivenessLock, is_alive

from mnistdash.system import liveness


def test_it_is_held_until_it_is_released(tmp_path):
    lifeline = LivenessLock(tmp_path)
    assert is_alive(tmp_path, lifeline.name)
    assert is_alive(tmp_path, lifeline.name), "asking does not take it"
    lifeline.release()
    assert not is_alive(tmp_path, lifeline.name)


def test_a_killed_process_holds_none_whatever_the_clock_says(tmp_path, environment):
    """Nothing about it depends on a process number or on when the process began."""
    command = (
        "import sys, time; from pathlib import Path; from mnistdash.system.liveness import LivenessLock; "
        f"line = LivenessLock(Path({str(tmp_path)!r})); print(line.name, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True, env=environment)
    name = child.stdout.readline().strip()
    assert is_alive(tmp_path, name)
    child.kill()
    child.wait()
    child.stdout.close()
    assert not is_alive(tmp_path, name)


def test_a_process_that_it_starts_does_not_hold_it(tmp_path):
    lifeline = LivenessLock(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    lifeline.release()
    assert not is_alive(tmp_path, lifeline.name)
    child.kill()
    child.wait()


def test_sweeping_leaves_those_that_are_held(tmp_path):
    kept, gone = LivenessLock(tmp_path), LivenessLock(tmp_path)
    gone._lock.release()  # as the end of its process would
    liveness.remove_stale(tmp_path)
    assert [path.name for path in (tmp_path / liveness.FOLDER).iterdir()] == [kept.name]
    kept.release()


@pytest.mark.parametrize("name", ["", "../config.json", "/etc/passwd", "nothing", "None"])
def test_a_name_that_is_none_is_held_by_nobody(tmp_path, name):
    (tmp_path / "config.json").write_text("{}")
    assert not is_alive(tmp_path, name)
