"""What a process may take of the machine."""

import contextlib
import ctypes
import functools
import gc
import math
import os
import threading
import time
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
AUTOGROUP = Path("/proc/self/autogroup")  # of Linux, see sched(7)
ARENA_MAX, TRIM_THRESHOLD, MMAP_THRESHOLD = -8, -1, -3  # of glibc's mallopt, from malloc.h
ARENAS = 2  # places from which threads take memory
LARGE = 1 << 20  # bytes from which what is freed goes back to the system at once
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


def share_memory() -> None:
    """Have all threads of this process take memory from the same two places, and give back large pieces at once.

    Otherwise glibc gives nearly each of its own, and Streamlit begins a thread for each run of a page: what one of them
    gives back, the next one cannot use. And at the end of each place it would keep as much as twice the largest array
    that was ever freed, which `give_memory_back` does not reach. Elsewhere than on Linux nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(ARENA_MAX, ARENAS)
        mallopt(MMAP_THRESHOLD, LARGE)
        mallopt(TRIM_THRESHOLD, LARGE)


def give_memory_back() -> None:
    """Return what was freed to the system, so that a server is as small after a crowd as before. Linux with glibc."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@functools.cache  # one thread for each process, however often this is called
def keep_giving_memory_back(every: float) -> None:
    """Give memory back from now on, every so many seconds."""

    def go_on() -> None:
        while True:
            time.sleep(every)
            give_memory_back()

    threading.Thread(target=go_on, daemon=True, name="give memory back").start()


@functools.cache  # once for each process
def skip_destructors() -> None:
    """Have this process end, once Python has, with its exit status, but without the destructors of C libraries.

    OpenBLAS' waits for its threads. Where a thread of Python's is still multiplying matrices, which nothing stops, that
    wait may never end, as a busy thread overwrites that it is to end; with one thread OpenBLAS frees memory that is in
    use instead, and the process crashes. Elsewhere than with glibc nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.on_exit(libc._exit, None)  # goes first: what is registered last is called first


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
