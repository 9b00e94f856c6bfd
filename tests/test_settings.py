from pathlib import Path

from mnistdash.settings import PROJECT, Settings


def test_unset_and_empty_variables_mean_the_defaults(monkeypatch):
    """An empty MNISTDASH_DATA must not become the current folder."""
    monkeypatch.setenv("MNISTDASH_DATA", "")
    monkeypatch.delenv("MNISTDASH_MODELS", raising=False)
    settings = Settings.from_environment()
    assert settings.data is None
    assert settings.models == PROJECT / "models"


def test_variables_name_folders_relative_to_here_and_to_home(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNISTDASH_DATA", "digits")
    monkeypatch.setenv("MNISTDASH_MODELS", "~/models")
    settings = Settings.from_environment()
    assert settings.data == tmp_path / "digits"
    assert settings.models == Path.home() / "models"


def test_standing_by_can_be_turned_off(monkeypatch):
    for value, expected in ((None, True), ("", True), ("1", True), ("0", False)):
        monkeypatch.delenv("MNISTDASH_STAND_BY", raising=False)
        if value is not None:
            monkeypatch.setenv("MNISTDASH_STAND_BY", value)
        assert Settings.from_environment().stand_by is expected
