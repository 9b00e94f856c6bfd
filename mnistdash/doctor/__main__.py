"""Check this installation, even where a package is missing that `python -m mnistdash` needs.

python -m mnistdash.doctor
"""

import sys

from mnistdash.doctor.checks import PROBLEM, Finding, run_checks


def report(findings: list[Finding]) -> int:
    """Print findings, and return the exit status: 1 if there is a problem, else 0."""
    print(*findings, sep="\n")
    return int(any(finding.level == PROBLEM for finding in findings))


def main() -> int:
    """Check the installation that the environment describes, and return the exit status."""
    try:
        from mnistdash.settings import Settings

        settings = Settings.from_environment()
    except Exception as error:  # a missing package, or an invalid variable
        return report([*run_checks(None), Finding(PROBLEM, f"Settings cannot be read: {error}")])
    return report(run_checks(settings))


if __name__ == "__main__":
    sys.exit(main())
