"""Paths and limits from the environment."""

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
        cache: per-user folder for downloads.
        models: folder with one subfolder for each run.
        concurrent_runs: maximum number of runs that train at the same time in one folder of models.
        stand_by: True to keep a process with TensorFlow imported while someone is on the Train page.
        readonly: True to disable training, annotating, renaming and deleting.
        kept_runs: maximum number of stored runs.
        queue: maximum number of queued runs in one folder of models.
        minutes: maximum duration of a run.
        images: maximum number of training images of a run; None for all.
        threads: processor threads of a run; None for one per core that this process may use.
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
            SettingsError: a variable has an invalid value.
        """

        def path(name: str) -> Path | None:
            value = environment.get(f"MNISTDASH_{name}")
            return Path(value).expanduser().resolve() if value else None

        def switch(name: str, default: bool) -> bool:
            value = environment.get(f"MNISTDASH_{name}", "").strip()
            if value not in ("", "0", "1"):
                raise SettingsError(f"MNISTDASH_{name} must be 0 or 1, not {value[:40]!r}.")
            return value == "1" if value else default

        def count(name: str) -> int | None:
            value = environment.get(f"MNISTDASH_{name}", "").strip()
            if not value:
                return None
            if not (value.isascii() and value.isdigit() and int(value[:10]) > 0 and len(value) < 10):
                raise SettingsError(f"MNISTDASH_{name} must be a whole number above 0, not {value[:40]!r}.")
            return int(value)

        return cls(
            data=path("DATA"),
            cache=platformdirs.user_cache_path("mnistdash"),
            models=path("MODELS") or PROJECT / "models",
            concurrent_runs=count("CONCURRENT") or cls.concurrent_runs,
            stand_by=switch("STAND_BY", cls.stand_by),
            readonly=switch("READONLY", cls.readonly),
            kept_runs=count("RUNS") or cls.kept_runs,
            queue=count("QUEUE") or cls.queue,
            minutes=count("MINUTES") or cls.minutes,
            images=count("IMAGES"),
            threads=count("THREADS"),
        )
