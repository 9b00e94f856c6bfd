"""Labels of a split that are likely wrong, according to the probabilities of a model.

Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021.
"""

import contextlib
import io
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.settings import PROJECT


@dataclass(frozen=True)
class LabelIssues:
    """A split's labels, ranked by quality.

    Attributes:
        ranking: (n,) int64 indices, lowest quality first.
        quality: (n,) float64 probabilities of the labels, cleanlab's quality score "self_confidence".
        flagged: number of labels that confident learning flags as likely wrong.
    """

    ranking: np.ndarray
    quality: np.ndarray
    flagged: int


def find_label_issues(result: Evaluation) -> LabelIssues:
    """Rank the labels of a split by the probability that the model gives them, and count those likely wrong.

    A child process imports cleanlab, which would cost the server 70 MB for good.

    Raises:
        OSError: the process cannot be started.
        subprocess.CalledProcessError: the process failed.
    """
    child = subprocess.run(
        [sys.executable, "-m", "mnistdash.evaluation.label_errors"],
        input=_to_npy(np.column_stack([result.labels, result.probabilities])),
        capture_output=True,
        cwd=PROJECT,
        check=True,
    )
    quality = result.probabilities[np.arange(len(result.labels)), result.labels].astype(np.float64)
    return LabelIssues(np.argsort(quality, kind="stable"), quality, int(child.stdout))


def main() -> None:
    """Run the child: read labels and probabilities from standard input, and print the number of flagged labels."""
    table = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    with contextlib.redirect_stdout(sys.stderr):  # cleanlab prints
        from cleanlab.filter import find_label_issues

        issues = find_label_issues(table[:, 0].astype(int), table[:, 1:].astype(np.float64), n_jobs=1)
    print(issues.sum())


def _to_npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


if __name__ == "__main__":
    main()
