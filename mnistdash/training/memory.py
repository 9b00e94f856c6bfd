"""Gives back memory that a training process has used and needs no longer, so that small hosts suffice.

What Python and TensorFlow free stays with the process, and so do pages of TensorFlow's code that only importing
it, or tracing a network, has touched: 300 MB, of which training needs 80. Linux only; elsewhere all stays as it is.
"""

import ctypes
import re
import sys
from pathlib import Path

from mnistdash.system.malloc import trim_memory

MAPPINGS = Path("/proc/self/smaps")
WORTHWHILE = 1_000  # kB in memory from which a mapping is worth a system call
DONT_NEED = 4  # MADV_DONTNEED: the next access reads a page from its file again, most often from the page cache
CHANGED = ("Anonymous", "Private_Dirty", "Shared_Dirty", "Swap")  # kB of a mapping that differ from its file

_HEADER = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)")  # first address, end, permissions, inode


def release_memory() -> None:
    """Free what nothing refers to; return to the system what is free, and what a file holds as well."""
    trim_memory()
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    try:
        mappings = MAPPINGS.read_text()
    except OSError:
        return
    for address, length in unchanged_files(mappings):
        library.madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), DONT_NEED)


def unchanged_files(mappings: str) -> list[tuple[int, int]]:
    """Mapped files that can be read from disk again at any time.

    Args:
        mappings: as in /proc/PID/smaps.

    Returns:
        Address and length in bytes of each mapping of a file that cannot be written to, and of which no
        page was changed in memory, as the dynamic linker changes some.
    """
    found = []
    for part in re.split(r"^(?=[0-9a-f]+-)", mappings, flags=re.MULTILINE)[1:]:
        start, end, permissions, inode = _HEADER.match(part).groups()
        values = dict(re.findall(r"^(\w+): +(\d+) kB$", part, re.MULTILINE))
        is_file = inode != "0" and "w" not in permissions
        if is_file and int(values["Rss"]) >= WORTHWHILE and all(values.get(name) == "0" for name in CHANGED):
            found.append((int(start, 16), int(end, 16) - int(start, 16)))
    return found
