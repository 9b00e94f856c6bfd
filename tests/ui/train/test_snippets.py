import shutil

import pytest
import tiny_mixture

from mnistdash.training import export
from mnistdash.ui.train import snippets


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """Return a folder with the downloads of the run "tiny"."""
    folder = tmp_path_factory.mktemp("downloads")
    export.export_model(tiny_mixture.build("flagship"), folder)
    export.export_saved_model(folder / "model.keras", folder / "tiny")
    for suffix in ("keras", "tflite"):
        shutil.move(folder / f"model.{suffix}", folder / f"tiny.{suffix}")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["KERAS", "TFLITE", "SAVED_MODEL"])
def test_snippet_prints_a_digit_for_each_image(downloads, monkeypatch, capsys, kind):
    snippet = getattr(snippets, kind)
    assert len(snippet.splitlines()) == 5
    monkeypatch.chdir(downloads)
    exec(snippet.format(name="tiny"), {})
    (digit,) = capsys.readouterr().out.splitlines()[-1].strip("[]").split()
    assert 0 <= int(digit) <= 9
