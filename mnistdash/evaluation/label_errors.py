"""Labels of a split that are likely wrong, according to the probabilities of a model.

Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021.
"""

import contextlib
import subprocess
import sys

import numpy as np

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.settings import PROJECT


def count_label_issues(result: Evaluation) -> int:
    """Return the number of labels that confident learning flags as likely wrong.

    A child process imports cleanlab, which would cost the server 70 MB for good.

    Raises:
        OSError: the process cannot be started.
        subprocess.CalledProcessError: the process failed.
    """
    table = np.column_stack([result.labels, result.probabilities]).astype(np.float32)
    child = subprocess.run(
        [sys.executable, "-m", "mnistdash.evaluation.label_errors"],
        input=table.tobytes(),
        capture_output=True,
        cwd=PROJECT,
        check=True,
    )
    return int(child.stdout)


def main() -> None:
    """Run the child: read labels and probabilities from standard input, and print the number of flagged labels."""
    table = np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(-1, 11)
    with contextlib.redirect_stdout(sys.stderr):  # cleanlab prints
        from cleanlab.filter import find_label_issues

        issues = find_label_issues(table[:, 0].astype(int), table[:, 1:].astype(np.float64), n_jobs=1)
    print(issues.sum())


if __name__ == "__main__":
    main()
