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
def test_repeated_values_count_once(name, text, expected):
    assert sweeps.values(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("Learning rate", "0.1, fast", '"fast" is not a number. Separate values with commas.'),
        ("Epochs", "1, 2.5", '"2.5" is not a whole number. Separate values with commas.'),
        (
            "Optimizer",
            "sgd, magic",
            '"magic" is not one of sgd, nesterov, adam, adamw, adadelta. Separate values with commas.',
        ),
        ("Augmentation", "yes", '"yes" is not one of on, off. Separate values with commas.'),
        ("Seed", "0.1; abc", '"0.1; abc" is not a whole number. Separate values with commas.'),
        ("Seed", ",".join(map(str, range(13))), "A sweep has at most 12 values, not 13."),
    ],
)
def test_an_invalid_value_is_refused_with_a_reason(name, text, says):
    with pytest.raises(RunError) as error:
        sweeps.values(name, text)
    assert str(error.value) == says


@pytest.mark.parametrize("name", sweeps.SETTINGS)
def test_the_examples_are_valid(name, models):
    setting = sweeps.SETTINGS[name]
    for value in sweeps.values(name, setting.example):
        config = configure(RECIPES["keras-cnn"], models, **{setting.keyword: value})
        assert getattr(config, setting.keyword) == value
