"""Skipped tests that lack a resource, and their summary."""

from collections import Counter
from collections.abc import Iterable

import pytest

HOW_TO_ENABLE = {
    "--full": "pytest --full",
    "MNIST": "set MNISTDASH_DATA to the folder of its four files, or run python -m mnistdash data",
    "Chromium": "install chromium, or set CHROMIUM to its path",
}
NEEDS = "needs "


def leave_out(resource: str) -> None:
    """Skip the current test because a resource is missing."""
    pytest.skip(f"{NEEDS}{resource}")


def summary(skipped: Iterable[pytest.TestReport]) -> str:
    """Return one line about the skipped tests and how to run them, or "" without any."""
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    counts = Counter(reason.removeprefix(NEEDS) for reason in reasons if reason.startswith(NEEDS))
    parts = [
        f"{counts[resource]:,} {'slow tests' if resource == '--full' else f'tests that need {resource}'} ({how})"
        for resource, how in HOW_TO_ENABLE.items()
        if counts[resource]
    ]
    return f"Left out: {', '.join(parts)}." if parts else ""
