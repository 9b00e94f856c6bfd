"""Tests that a machine lacks something for, told in one line at the end."""

from collections import Counter

import pytest

HOW_TO_ENABLE = {
    "MNIST": "set MNISTDASH_DATA to the folder with its four files, or run python -m mnistdash data",
    "Chromium": "install chromium, or set CHROMIUM to its path",
}
_counts: Counter[str] = Counter()


def leave_out(what: str) -> None:
    """Skip the test at hand for want of something."""
    _counts[what] += 1
    pytest.skip(f"needs {what}")


def summary() -> str:
    """What was left out and how to enable it; "" for nothing."""
    parts = [
        f"{count} {'test' if count == 1 else 'tests'} for want of {what} ({HOW_TO_ENABLE[what]})"
        for what, count in _counts.items()
    ]
    return f"Left out {' and '.join(parts)}." if parts else ""
