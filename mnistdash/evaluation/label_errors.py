"""Which labels of a split look wrong, going by a model that was not fitted to them.

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
    """A split's labels, ranked.

    Attributes:
        ranking: (n,) int64 indices, the most suspicious label first.
        quality: (n,) float64 in [0, 1] for each digit of the split, the lower the more suspicious.
        flagged: how many labels confident learning takes for wrong.
    """

    ranking: np.ndarray
    quality: np.ndarray
    flagged: int


def find_label_issues(result: Evaluation) -> LabelIssues:
    """Rank the labels of a split by cleanlab's label quality score.

    In a process of its own, which takes a second longer: a server would keep what cleanlab imports, some 70 MB.

    Raises:
        OSError: the process cannot be started.
        subprocess.CalledProcessError: it ended early; its last words are in `stderr`.
    """
    done = subprocess.run(
        [sys.executable, "-m", "mnistdash.evaluation.label_errors"],
        input=_packed(labels=result.labels, probabilities=result.probabilities),
        capture_output=True,
        cwd=PROJECT,
        check=True,
    )
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as found:
        quality, issues = found["quality"], found["issues"]
    return LabelIssues(np.argsort(quality, kind="stable"), quality, int(issues.sum()))


def main() -> None:
    """The process's part: labels and probabilities come by standard input, what cleanlab finds goes to the output."""
    output, source = sys.stdout.buffer, io.BytesIO(sys.stdin.buffer.read())
    with contextlib.redirect_stdout(sys.stderr):
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

        with np.load(source, allow_pickle=False) as sent:
            labels, probabilities = sent["labels"].astype(int), sent["probabilities"].astype(np.float64)
        quality = get_label_quality_scores(labels, probabilities, method="self_confidence")
        issues = find_label_issues(labels, probabilities, n_jobs=1)
    output.write(_packed(quality=quality, issues=issues))


def _packed(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


if __name__ == "__main__":
    main()
