"""What a process may take of the machine."""

import contextlib
import math
import os
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
AUTOGROUP = Path("/proc/self/autogroup")  # of Linux, see sched(7)
ROOMY = 1_200_000_000  # bytes still to be had with which a training takes them to be faster
NICENESS = 10  # of 19; beside a server that has work to do, such a process gets a tenth of a core's time


def available_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that could still be used, by what the machine has and by what a container may take."""
    available = psutil.virtual_memory().available
    try:  # cgroup version 2; elsewhere, and where the limit is "max", only the machine counts
        limit, used = (int((cgroup / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):
        return available
    try:  # files that were read are kept while there is room, and given up when there is none
        parts = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        used -= int(parts["inactive_file"])
    except (OSError, ValueError, KeyError):
        pass
    return min(available, max(0, limit - used))


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Processor cores that this process may use, by what it is bound to and by what a container may take; at least 1.

    Half a core of a quota counts as a whole one.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS bind no process to cores
        cores = os.cpu_count() or 1
    try:  # cgroup version 2: microseconds of processor time in each period; "max" where there is no limit
        quota, period = (int(number) for number in (cgroup / "cpu.max").read_text().split())
    except (OSError, ValueError):
        return cores
    return max(1, min(cores, math.ceil(quota / period)))


def lower_priority(niceness: int = NICENESS) -> None:
    """Let other processes of this machine go first; this one and those that it starts take what is left.

    Where Linux groups processes by session, as it does on most desktops, niceness counts inside a group alone, and a
    process that has a session of its own would go first as ever: so its group is made as nice, too.

    Args:
        niceness: from 0 to 19.
    """
    with contextlib.suppress(OSError, psutil.Error):  # a host that forbids it
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if psutil.WINDOWS else niceness)
    with contextlib.suppress(OSError, AttributeError):  # there are no such groups
        if os.getsid(0) == os.getpid():  # else others are in its group, too
            AUTOGROUP.write_text(str(niceness))
