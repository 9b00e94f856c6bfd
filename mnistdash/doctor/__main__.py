"""Whether this installation can serve and train: a finding for each thing that has to be right.

A broken installation is what this is for. So everything that may be missing is imported where it is looked at, and a
check that fails in a way nobody thought of becomes a finding, too. TensorFlow is never imported: that takes seconds.

`python -m mnistdash.doctor.__main__` works even where a package is missing that the other commands need.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from mnistdash.doctor import machine, models, storage
from mnistdash.doctor.findings import PROBLEM, Finding, guarded, words

if TYPE_CHECKING:
    from mnistdash.settings import Settings


def examine(settings: "Settings") -> list[Finding]:
    """Look at everything; takes a second or two, and some milliseconds for each model.

    Nothing is downloaded or repaired; what is written to see whether that works is removed again.
    """
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "Python": machine.python,
        "The packages": machine.packages,
        "The processor": machine.processor,
        "The memory": partial(machine.memory, settings),
        "MNIST": partial(storage.mnist, settings),
        "The folder of models": partial(models.models, settings),
        "Writing into the folder of models": partial(storage.models_folder, settings),
        "Locks in the folder of models": partial(storage.locks, settings),
        "Writing into the cache": partial(storage.cache, settings),
    }
    return [finding for subject, check in checks.items() for finding in guarded(subject, check)]


def lines(findings: list[Finding]) -> list[str]:
    """A line for each finding."""
    return [f"{found.level:<{len(PROBLEM)}}  {' '.join(f'{found.what} {found.advice}'.split())}" for found in findings]


def status(findings: list[Finding]) -> int:
    """The exit status: 1 where there is a problem, else 0."""
    return int(any(found.level == PROBLEM for found in findings))


def main() -> int:
    """Examine what the environment describes, print what is found, return the exit status."""
    try:
        from mnistdash.settings import Settings

        findings = examine(Settings.from_environment())
    except Exception as error:  # a package that is missing, a variable that makes no sense
        findings = [*guarded("Python", machine.python), *guarded("The packages", machine.packages)]
        findings.append(Finding(PROBLEM, f"The settings cannot be read: {words(error)}"))
    print(*lines(findings), sep="\n")
    return status(findings)


if __name__ == "__main__":
    sys.exit(main())
