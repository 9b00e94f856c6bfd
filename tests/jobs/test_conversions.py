import io
import zipfile

import pytest

from mnistdash.jobs import conversions
from mnistdash.runs import run
from mnistdash.runs.store import RunError


def test_a_saved_model_comes_as_one_zip(flagship):
    archive = zipfile.ZipFile(io.BytesIO(conversions.saved_model_zip(flagship)))
    assert archive.testzip() is None
    names = archive.namelist()
    assert "flagship/saved_model.pb" in names
    assert any(name.startswith("flagship/variables/variables.data") for name in names)


def test_what_cannot_be_exported_says_why(flagship):
    (flagship.folder / run.KERAS).write_bytes(b"not a model")
    with pytest.raises(RunError, match="flagship cannot be exported"):
        conversions.saved_model_zip(flagship)
