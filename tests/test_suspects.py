import numpy as np

from mnistdash import suspects
from mnistdash.evaluation import Evaluation


def test_a_label_that_the_model_denies_comes_first():
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 500).astype(np.uint8)
    probabilities = np.full((500, 10), 0.005, np.float32)
    probabilities[np.arange(500), labels] = 0.955
    wrong = [17, 401]
    published = labels.copy()
    published[wrong] = (labels[wrong] + 1) % 10
    found = suspects.find(Evaluation(published, probabilities))
    assert set(found.ranking[:2].tolist()) == set(wrong)
    assert sorted(found.ranking.tolist()) == list(range(500))
    assert found.flagged == 2
    assert found.quality[17] < 0.1 < found.quality[0]
