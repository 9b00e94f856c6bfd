"""Memory, processor cores and priority of this process."""

import contextlib
import math
import os
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
AUTOGROUP = Path("/proc/self/autogroup")  # Linux, see sched(7)
NICENESS = 10  # of 19


def available_memory(cgroup: Path = CGROUP) -> int:
    """Return the bytes that the machine has available and that this container may still use."""
    available = int(psutil.virtual_memory().available)
    try:  # cgroup version 2; without a limit, the file holds "max"
        limit, used = (int((cgroup / name).read_text()) for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        # Cached files are dropped when memory is needed.
        return min(available, max(0, limit - used + int(stat["inactive_file"])))
    except (OSError, ValueError, KeyError):
        return available


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Return the number of processor cores that this process and its container may use, rounded up."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS
        cores = os.cpu_count() or 1
    try:  # cgroup version 2: microseconds of processor time per period; without a limit, the quota is "max"
        quota, period = (int(number) for number in (cgroup / "cpu.max").read_text().split())
    except (OSError, ValueError):
        return cores
    return max(1, min(cores, math.ceil(quota / period)))


def lower_priority(niceness: int = NICENESS) -> None:
    """Let other processes of this machine run first.

    Most Linux desktops group processes by session, and niceness counts within a group only. The group of a process
    with a session of its own is therefore made as nice.

    Args:
        niceness: from 0 to 19.
    """
    with contextlib.suppress(OSError, psutil.Error):  # some hosts forbid it
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if psutil.WINDOWS else niceness)
    with contextlib.suppress(OSError, AttributeError):  # no groups on this system
        if os.getsid(0) == os.getpid():  # the group has no other processes
            AUTOGROUP.write_text(str(niceness))
