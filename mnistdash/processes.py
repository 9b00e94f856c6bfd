"""Processes, and whether they still live."""

import os
from dataclasses import dataclass

import psutil


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
