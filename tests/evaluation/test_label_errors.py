import subprocess

import numpy as np
import pytest

from mnistdash.evaluation import label_errors
from mnistdash.evaluation.metrics import Evaluation


def test_a_label_that_the_model_denies_comes_first():
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 500).astype(np.uint8)
    probabilities = np.full((500, 10), 0.005, np.float32)
    probabilities[np.arange(500), labels] = 0.955
    wrong = [17, 401]
    published = labels.copy()
    published[wrong] = (labels[wrong] + 1) % 10
    found = label_errors.find_label_issues(Evaluation(published, probabilities))
    assert set(found.ranking[:2].tolist()) == set(wrong)
    assert sorted(found.ranking.tolist()) == list(range(500))
    assert found.flagged == 2
    assert found.quality[17] < 0.1 < found.quality[0]


def test_the_server_does_not_keep_what_cleanlab_imports(output_of):
    script = (
        "import sys, numpy as np; from mnistdash.evaluation import label_errors\n"
        "from mnistdash.evaluation.metrics import Evaluation\n"
        "label_errors.find_label_issues(Evaluation(np.arange(10, dtype=np.uint8), np.eye(10, dtype=np.float32)))\n"
        "print('cleanlab' in sys.modules)"
    )
    assert output_of(script) == "False"


def test_a_process_that_fails_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(label_errors, "PROJECT", tmp_path)  # there is no such module to run
    with pytest.raises(subprocess.CalledProcessError):
        label_errors.find_label_issues(Evaluation(np.zeros(3, np.uint8), np.full((3, 10), 0.1, np.float32)))
