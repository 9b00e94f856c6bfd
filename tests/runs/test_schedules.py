import numpy as np

from mnistdash.runs.schedules import learning_rates


def test_constant_schedule_keeps_the_peak():
    assert set(learning_rates("constant", 0.5, 100, np.arange(100))) == {0.5}


def test_one_cycle_rises_and_falls_linearly():
    rates = learning_rates("one-cycle", 1.0, 100, np.array([0, 10, 20, 60, 100]))
    assert rates.tolist() == [0, 0.5, 1, 0.5, 0]


def test_cosine_rises_briefly_and_falls_to_zero():
    rates = learning_rates("cosine", 2.0, 100, np.arange(101))
    assert rates.argmax() == 5
    assert rates.max() == 2
    assert (np.diff(rates[5:]) < 0).all()
    assert rates[0] == rates[-1] == 0
