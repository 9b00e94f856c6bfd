import os
import subprocess
import sys

import pytest

from mnistdash.system import locks
from mnistdash.system.locks import ProcessLock, is_locked, try_lock


def test_a_lock_has_one_holder_until_it_is_released(tmp_path):
    path = tmp_path / ".lock"
    lock, other = ProcessLock(path), ProcessLock(path)
    assert not is_locked(path)
    assert lock.acquire()
    assert lock.is_held
    assert not other.acquire()
    assert is_locked(path)
    assert is_locked(path), "the check does not acquire the lock"
    lock.release()
    assert path.exists(), "two processes could hold the lock of a deleted file"
    assert not is_locked(path)
    assert other.acquire()
    other.release()


def test_acquiring_twice_needs_one_release(tmp_path):
    lock = ProcessLock(tmp_path / ".lock")
    assert lock.acquire()
    assert lock.acquire()
    lock.release()
    assert not is_locked(tmp_path / ".lock")


def test_a_killed_process_holds_no_lock_and_its_children_do_not_inherit_one(tmp_path, environment):
    command = (
        "import subprocess, sys; from pathlib import Path; from mnistdash.system.locks import ProcessLock; "
        f"lock = ProcessLock(Path({str(tmp_path / '.lock')!r})); lock.acquire(); "
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE); "
        "print(child.pid, flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert int(process.stdout.readline())
    assert is_locked(tmp_path / ".lock")
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert not is_locked(tmp_path / ".lock")


def test_a_lock_can_be_tried_in_a_with_statement(tmp_path):
    path = tmp_path / ".lock"
    with try_lock(path) as acquired:
        assert acquired
        with try_lock(path) as second:
            assert not second
    assert not is_locked(path)


def test_a_missing_folder_is_not_created(tmp_path):
    path = tmp_path / "gone" / ".lock"
    assert not ProcessLock(path).acquire()
    assert not is_locked(path)
    assert not path.parent.exists()


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Replace the monotonic clock by a list with one value, and return it."""
    now = [100.0]
    monkeypatch.setattr(locks.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("holders_clock", [-1e9, 0.0, 1e9])
def test_the_time_since_a_renewal_needs_no_shared_clock(tmp_path, clock, holders_clock):
    """The clocks of containers may differ or be set."""
    path = tmp_path / ".lock"
    holder, other = ProcessLock(path), ProcessLock(path)
    holder.acquire()
    for beat in range(3):
        os.utime(path, (holders_clock, holders_clock + beat))
        assert other.seconds_since_renewal() == 0
        clock[0] += 5
    assert other.seconds_since_renewal() == 5
    holder.renew()
    assert other.seconds_since_renewal() == 0
    holder.release()
