import pytest

from mnistdash.exceptions import RunError
from mnistdash.runs import sweeps
from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Learning rate", "0.1, 1e-2,0.1", [0.1, 0.01]),
        ("Batch size", " 32 ,128,, ", [32, 128]),
        ("Seed", "0, 1, 2", [0, 1, 2]),
        ("Optimizer", "SGD, adam", ["sgd", "adam"]),
        ("Augmentation", "on, off", [True, False]),
        ("Precision", "auto", ["auto"]),
        ("Dropout", "", []),
    ],
)
def test_values_are_read_once_each(name, text, expected):
    assert sweeps.values(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("Learning rate", "0.1, fast", "Learning rate takes a number, and 'fast' is none."),
        ("Epochs", "1, 2.5", "Epochs takes a whole number, and '2.5' is none."),
        ("Optimizer", "sgd, magic", "Optimizer cannot be 'magic' (known: sgd, nesterov, adam, adamw, adadelta)."),
        ("Augmentation", "yes", "Augmentation cannot be 'yes' (known: on, off)."),
        ("Seed", ",".join(map(str, range(13))), "A sweep has at most 12 values, and these are 13."),
    ],
)
def test_what_is_no_value_is_refused_with_a_reason(name, text, says):
    with pytest.raises(RunError) as error:
        sweeps.values(name, text)
    assert str(error.value) == says


@pytest.mark.parametrize("name", sweeps.SETTINGS)
def test_every_example_makes_runs(name, models):
    setting = sweeps.SETTINGS[name]
    for value in sweeps.values(name, setting.example):
        config = configure(RECIPES["keras-cnn"], models, **{setting.keyword: value})
        assert getattr(config, setting.keyword) == value
