import shutil
from pathlib import Path

import pytest

from mnistdash.runs import store
from mnistdash.runs.run import Run

OLD_RUN = Path(__file__).parent.parent / "support" / "old_run"


@pytest.fixture
def old_run(models) -> Run:
    """A finished run of the offline sample, stored by version 0.1.0, with all files that a run can have."""
    shutil.copytree(OLD_RUN, models / "old-softmax")
    return store.load_run(models / "old-softmax")
