"""Processes, and whether they still live."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Process:
    """A process, told from a later one with the same number by when it was created."""

    pid: int
    created: float

    @classmethod
    def current(cls) -> "Process":
        return cls(os.getpid(), psutil.Process().create_time())

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            # Clocks are read to a hundredth of a second at best.
            return abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def available_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that could still be used, by what the machine has and by what a container may take."""
    available = psutil.virtual_memory().available
    try:  # cgroup version 2; elsewhere, and where the limit is "max", only the machine counts
        limit, used = (int((cgroup / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):
        return available
    return min(available, max(0, limit - used))
