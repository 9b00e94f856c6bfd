"""Memory that a process returns to the system."""

import contextlib
import ctypes
import functools
import gc
import sys
import threading
import time

import psutil

ARENA_MAX, TRIM_THRESHOLD, MMAP_THRESHOLD = -8, -1, -3  # parameters of mallopt, from malloc.h
MAX_ARENAS = 2
LARGE_BLOCK = 1 << 20  # bytes; larger blocks are returned as soon as they are freed
MADV_DONTNEED = 4  # from mman.h


def limit_malloc_arenas() -> None:
    """Limit the number of malloc arenas, and return large blocks as soon as they are freed. glibc only.

    Otherwise nearly every thread has its own arena, whose free memory no other thread can use. Streamlit starts a
    thread for each run of a page.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(ARENA_MAX, MAX_ARENAS)
        mallopt(MMAP_THRESHOLD, LARGE_BLOCK)
        mallopt(TRIM_THRESHOLD, LARGE_BLOCK)


def trim_memory() -> None:
    """Return freed memory to the system. glibc only."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@functools.cache  # one thread per process
def trim_memory_periodically(interval: float) -> None:
    """Start a thread that returns freed memory to the system every `interval` seconds."""

    def trim_forever() -> None:
        while True:
            time.sleep(interval)
            trim_memory()

    threading.Thread(target=trim_forever, daemon=True, name="trim memory").start()


def release_library_pages() -> None:
    """Drop the unmodified pages of loaded libraries; the system reads them again when they are needed. Linux only.

    Importing TensorFlow touches 300 MB of them, of which training needs 80.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    for region in psutil.Process().memory_maps(grouped=False):
        is_modified = region.anonymous or region.private_dirty or region.shared_dirty or region.swap
        if region.path.startswith("/") and "w" not in region.perms and not is_modified:
            start, end = (int(address, 16) for address in region.addr.split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)
