"""Where things are and how large they may be, from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Paths and limits for one process.

    Attributes:
        data: folder that the user says holds the four IDX files, or None.
        cache: per-user folder that downloads go to.
        models: folder with one subfolder for each run.
        concurrent_runs: trainings that may run at the same time; the others queue.
        stand_by: whether a process may wait with TensorFlow imported while someone is on the Train page.
    """

    data: Path | None
    cache: Path
    models: Path
    concurrent_runs: int = 1
    stand_by: bool = True

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read MNISTDASH_DATA, MNISTDASH_MODELS and MNISTDASH_STAND_BY; an empty value counts as unset."""
        data = os.environ.get("MNISTDASH_DATA")
        models = os.environ.get("MNISTDASH_MODELS")
        return cls(
            data=Path(data).expanduser().resolve() if data else None,
            cache=platformdirs.user_cache_path("mnistdash"),
            models=Path(models).expanduser().resolve() if models else PROJECT / "models",
            stand_by=os.environ.get("MNISTDASH_STAND_BY", "") != "0",
        )
