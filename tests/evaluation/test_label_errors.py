import subprocess
import sys

import numpy as np
import pytest

from mnistdash.evaluation import label_errors
from mnistdash.evaluation.metrics import Evaluation


@pytest.mark.slow
def test_labels_that_contradict_the_model_are_flagged():
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 500).astype(np.uint8)
    probabilities = np.full((500, 10), 0.005, np.float32)
    probabilities[np.arange(500), labels] = 0.955
    wrong = [17, 401]
    published = labels.copy()
    published[wrong] = (labels[wrong] + 1) % 10
    result = Evaluation(published, probabilities)
    assert label_errors.count_label_issues(result) == 2
    assert sorted(np.argsort(result.label_quality)[:2].tolist()) == wrong
    assert result.label_quality[17] < 0.1 < result.label_quality[0]
    assert "cleanlab" not in sys.modules, "importing it in the server costs 70 MB"


def test_a_failed_process_raises(monkeypatch, tmp_path):
    monkeypatch.setattr(label_errors, "PROJECT", tmp_path)  # a module that does not exist
    with pytest.raises(subprocess.CalledProcessError):
        label_errors.count_label_issues(Evaluation(np.zeros(3, np.uint8), np.full((3, 10), 0.1, np.float32)))
