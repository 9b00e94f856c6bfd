"""Tests that a machine lacks something for, told in one line at the end."""

from collections import Counter
from collections.abc import Iterable

import pytest

HOW_TO_ENABLE = {
    "MNIST": "set MNISTDASH_DATA to the folder with its four files, or run python -m mnistdash data",
    "Chromium": "install chromium, or set CHROMIUM to its path",
}
NEEDS = "needs "


def leave_out(what: str) -> None:
    """Skip the test at hand for want of something."""
    pytest.skip(f"{NEEDS}{what}")


def summary(skipped: Iterable[pytest.TestReport]) -> str:
    """What was left out and how to enable it; "" for nothing."""
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    counts = Counter(reason.removeprefix(NEEDS) for reason in reasons if reason.startswith(NEEDS))
    parts = [
        f"{count} {'test' if count == 1 else 'tests'} for want of {what} ({HOW_TO_ENABLE[what]})"
        for what, count in counts.items()
    ]
    return f"Left out {' and '.join(parts)}." if parts else ""
