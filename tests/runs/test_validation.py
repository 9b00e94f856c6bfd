import json

import pytest

from mnistdash.exceptions import RunError
from mnistdash.runs.card import parse_card
from mnistdash.runs.config import parse_config
from mnistdash.settings import PROJECT

FLAGSHIP = PROJECT / "models" / "flagship"


def flagship_json(file: str, name: str, value: str) -> bytes:
    """Return a JSON file of the flagship with one value replaced by literal text."""
    values = json.loads((FLAGSHIP / file).read_text()) | {name: "REPLACED"}
    return json.dumps(values).replace('"REPLACED"', value).encode()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("batch_size", "5000", "batch size must be at most 4,096, not 5,000."),
        ("batch_size", "0", "batch size must be at least 1, not 0."),
        ("batch_size", '"12"', "batch size must be a valid integer, not '12'."),
        ("batch_size", "true", "batch size must be a valid integer, not True."),
        ("batch_size", "12.5", "batch size must be a valid integer, not 12.5."),
        ("batch_size", "1" + 400 * "0", "batch size must be at most 4,096, not 10,000,"),
        ("batch_size", "1" + 5_000 * "0", "not valid JSON (number out of range"),
        ("learning_rate", "NaN", "learning rate must be a finite number, not nan."),
        ("learning_rate", "Infinity", "learning rate must be a finite number, not inf."),
        ("learning_rate", "1e309", "learning rate must be a finite number, not inf."),
        ("learning_rate", "0", "learning rate must be above 0, not 0"),
        ("optimizer", '"lion"', "optimizer must be one of sgd, nesterov, adam, adamw, adadelta, not 'lion'."),
        ("augmentation", "1", "augmentation must be a valid boolean, not 1."),
        ("steps", "5", "a run has either epochs or steps."),
        ("start", '"../x"', "start '../x' cannot be a run's name"),
    ],
)
def test_invalid_settings_are_refused_in_one_sentence(name, value, reason):
    with pytest.raises(RunError) as refused:
        parse_config(flagship_json("config.json", name, value), "mine/config.json")
    message = str(refused.value)
    assert message.startswith(f"mine/config.json: {reason}")
    assert len(message) < 250 and "\n" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test_accuracy", "1.5"),
        ("test_accuracy", "NaN"),
        ("test_accuracy", "true"),
        ("test_loss", "1" + 309 * "0"),
        ("parameters", "-1"),
        ("bytes", "12.5"),
        ("status", '"done"'),
        ("validation_seen", "0"),
        ("versions", '{"keras": 3}'),
        ("name", "[]"),
    ],
)
def test_an_invalid_card_is_refused(name, value):
    with pytest.raises(RunError, match=r"mine/card\.json: \w"):
        parse_card(flagship_json("card.json", name, value), "mine/card.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"3", b"\xff\xfe", b"[" * 100_000])
def test_a_file_without_settings_is_refused(content):
    with pytest.raises(RunError) as refused:
        parse_config(content, "mine/config.json")
    assert len(str(refused.value)) < 200


def test_an_integer_is_valid_in_place_of_a_float():
    assert parse_config(flagship_json("config.json", "learning_rate", "1"), "config.json").learning_rate == 1.0


def test_files_of_a_later_version_open():
    """Unknown fields are ignored."""
    for parse, file in ((parse_config, "config.json"), (parse_card, "card.json")):
        content = (FLAGSHIP / file).read_bytes()
        assert parse(content.replace(b"{", b'{"invented_later": [1], ', 1), file) == parse(content, file)
