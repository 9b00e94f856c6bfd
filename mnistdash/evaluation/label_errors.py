"""Labels of a split that are likely wrong, according to the probabilities of a model.

Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021.
"""

import contextlib
import io
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.settings import PROJECT


@dataclass(frozen=True)
class LabelIssues:
    """A split's labels, ranked by quality.

    Attributes:
        ranking: (n,) int64 indices, lowest quality first.
        quality: (n,) float64 label quality scores in [0, 1].
        flagged: number of labels that confident learning flags as likely wrong.
    """

    ranking: np.ndarray
    quality: np.ndarray
    flagged: int


def find_label_issues(result: Evaluation) -> LabelIssues:
    """Rank the labels of a split by cleanlab's label quality score.

    A child process imports cleanlab, which would cost the server 70 MB for good.

    Raises:
        OSError: the process cannot be started.
        subprocess.CalledProcessError: the process failed.
    """
    child = subprocess.run(
        [sys.executable, "-m", "mnistdash.evaluation.label_errors"],
        input=_to_npz(labels=result.labels, probabilities=result.probabilities),
        capture_output=True,
        cwd=PROJECT,
        check=True,
    )
    with np.load(io.BytesIO(child.stdout), allow_pickle=False) as arrays:
        quality, issues = arrays["quality"], arrays["issues"]
    return LabelIssues(np.argsort(quality, kind="stable"), quality, int(issues.sum()))


def main() -> None:
    """Run the child: read labels and probabilities from standard input, write quality and issues to the output."""
    output, source = sys.stdout.buffer, io.BytesIO(sys.stdin.buffer.read())
    with contextlib.redirect_stdout(sys.stderr):  # cleanlab prints
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

        with np.load(source, allow_pickle=False) as arrays:
            labels, probabilities = arrays["labels"].astype(int), arrays["probabilities"].astype(np.float64)
        quality = get_label_quality_scores(labels, probabilities, method="self_confidence")
        issues = find_label_issues(labels, probabilities, n_jobs=1)
    output.write(_to_npz(quality=quality, issues=issues))


def _to_npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


if __name__ == "__main__":
    main()
