"""Malloc."""

import contextlib
import ctypes
import functools
import gc
import threading
import time

ARENA_MAX, TRIM_THRESHOLD, MMAP_THRESHOLD = -8, -1, -3  # of glibc's mallopt, from malloc.h


ARENAS = 2  # places from which threads take memory


LARGE = 1 << 20  # bytes from which what is freed goes back to the system at once


def limit_malloc_arenas() -> None:
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


def trim_memory() -> None:
    """Return what was freed to the system, so that a server is as small after a crowd as before. Linux with glibc."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@functools.cache  # one thread for each process, however often this is called
def trim_memory_periodically(every: float) -> None:
    """Give memory back from now on, every so many seconds."""

    def go_on() -> None:
        while True:
            time.sleep(every)
            trim_memory()

    threading.Thread(target=go_on, daemon=True, name="give memory back").start()
