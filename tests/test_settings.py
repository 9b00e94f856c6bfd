from pathlib import Path

import pytest

from mnistdash.exceptions import SettingsError
from mnistdash.settings import PROJECT, Settings


def test_unset_and_empty_variables_mean_the_defaults(monkeypatch):
    """An empty MNISTDASH_DATA must not become the current folder."""
    monkeypatch.setenv("MNISTDASH_DATA", "")
    monkeypatch.delenv("MNISTDASH_MODELS", raising=False)
    settings = Settings.from_environment()
    assert settings.data is None
    assert settings.models == PROJECT / "models"


def test_folders_may_be_relative_to_the_current_or_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNISTDASH_DATA", "digits")
    monkeypatch.setenv("MNISTDASH_MODELS", "~/models")
    settings = Settings.from_environment()
    assert settings.data == tmp_path / "digits"
    assert settings.models == Path.home() / "models"


def test_the_warm_worker_can_be_turned_off(monkeypatch):
    for value, expected in ((None, True), ("", True), ("1", True), ("0", False)):
        monkeypatch.delenv("MNISTDASH_STAND_BY", raising=False)
        if value is not None:
            monkeypatch.setenv("MNISTDASH_STAND_BY", value)
        assert Settings.from_environment().stand_by is expected


def test_limits_are_read_and_have_safe_defaults():
    plain = Settings.from_environment({})
    assert not plain.readonly
    assert (plain.kept_runs, plain.queue, plain.minutes, plain.concurrent_runs) == (200, 20, 240, 1)
    assert plain.images is plain.threads is None
    names = ("RUNS", "QUEUE", "MINUTES", "IMAGES", "CONCURRENT", "THREADS")
    limited = {f"MNISTDASH_{name}": str(number) for number, name in enumerate(names, start=2)}
    settings = Settings.from_environment(limited | {"MNISTDASH_READONLY": "1"})
    assert settings.readonly
    assert (settings.kept_runs, settings.queue, settings.minutes) == (2, 3, 4)
    assert (settings.images, settings.concurrent_runs, settings.threads) == (5, 6, 7)


@pytest.mark.parametrize("name", ["RUNS", "QUEUE", "MINUTES", "IMAGES", "CONCURRENT", "THREADS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "9" * 400, "٣", "1e3"])
def test_an_invalid_limit_is_refused_in_one_sentence(name, value):
    with pytest.raises(SettingsError, match=f"^MNISTDASH_{name} must be a whole number above 0, not .{{1,45}}$"):
        Settings.from_environment({f"MNISTDASH_{name}": value})


@pytest.mark.parametrize("name", ["READONLY", "STAND_BY"])
def test_a_switch_must_be_0_or_1(name):
    with pytest.raises(SettingsError, match="must be 0 or 1"):
        Settings.from_environment({f"MNISTDASH_{name}": "yes"})
