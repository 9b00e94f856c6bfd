"""Where things are and how large they may be, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from mnistdash.exceptions import SettingsError

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Paths and limits for one process.

    Attributes:
        data: folder that the user says holds the four IDX files, or None.
        cache: per-user folder that downloads go to.
        models: folder with one subfolder for each run.
        concurrent_runs: trainings that may run at the same time into one folder of models; the others queue.
        stand_by: whether a process may wait with TensorFlow imported while someone is on the Train page.
        readonly: whether visitors may only look: no training, no marks, no run renamed or deleted.
        kept_runs: that there may be; a dashboard starts no more.
        queue: runs of one dashboard that may wait.
        minutes: that a run may take, from its process's start.
        images: training images of a run at most; None for all.
        threads: of a training; None for as many as there are processor cores for this process.
    """

    data: Path | None
    cache: Path
    models: Path
    concurrent_runs: int = 1
    stand_by: bool = True
    readonly: bool = False
    kept_runs: int = 200
    queue: int = 20
    minutes: int = 240
    images: int | None = None
    threads: int | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the variables that begin with MNISTDASH_; an empty value counts as unset.

        Raises:
            SettingsError: a value makes no sense.
        """

        def path(name: str) -> Path | None:
            value = environment.get(f"MNISTDASH_{name}")
            return Path(value).expanduser().resolve() if value else None

        def switch(name: str, default: bool) -> bool:
            value = environment.get(f"MNISTDASH_{name}", "").strip()
            if value not in ("", "0", "1"):
                raise SettingsError(f"MNISTDASH_{name} must be 0 or 1, not {value[:40]!r}.")
            return value == "1" if value else default

        def count(name: str, default: int | None) -> int | None:
            value = environment.get(f"MNISTDASH_{name}", "").strip()
            if not value:
                return default
            if not (value.isascii() and value.isdigit() and int(value[:10]) > 0 and len(value) < 10):
                raise SettingsError(f"MNISTDASH_{name} must be a whole number above 0, not {value[:40]!r}.")
            return int(value)

        return cls(
            data=path("DATA"),
            cache=platformdirs.user_cache_path("mnistdash"),
            models=path("MODELS") or PROJECT / "models",
            concurrent_runs=count("CONCURRENT", cls.concurrent_runs),
            stand_by=switch("STAND_BY", cls.stand_by),
            readonly=switch("READONLY", cls.readonly),
            kept_runs=count("RUNS", cls.kept_runs),
            queue=count("QUEUE", cls.queue),
            minutes=count("MINUTES", cls.minutes),
            images=count("IMAGES", cls.images),
            threads=count("THREADS", cls.threads),
        )
