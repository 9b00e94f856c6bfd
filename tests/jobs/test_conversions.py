"""Conversions in a child process, which imports TensorFlow."""

import io
import zipfile

import pytest

from mnistdash.exceptions import RunError
from mnistdash.jobs import conversions
from mnistdash.runs.run import KERAS


@pytest.mark.slow
def test_a_saved_model_is_one_zip(flagship):
    archive = zipfile.ZipFile(io.BytesIO(conversions.saved_model_zip(flagship)))
    assert archive.testzip() is None
    names = archive.namelist()
    assert "flagship/saved_model.pb" in names
    assert any(name.startswith("flagship/variables/variables.data") for name in names)


@pytest.mark.slow
def test_a_failed_export_gives_the_reason(flagship):
    (flagship.folder / KERAS).write_bytes(b"not a model")
    with pytest.raises(RunError, match="flagship cannot be exported"):
        conversions.saved_model_zip(flagship)


def test_nothing_is_converted_when_memory_is_low(flagship, monkeypatch):
    monkeypatch.setattr(conversions, "available_memory", lambda: conversions.MEMORY_BYTES - 1)
    with pytest.raises(RunError, match="Not enough memory is free"):
        conversions.saved_model_zip(flagship)


def test_a_conversion_is_terminated_after_a_time_limit(flagship, monkeypatch):
    monkeypatch.setattr(conversions, "TIMEOUT", 0.01)
    monkeypatch.setattr(conversions, "available_memory", lambda: conversions.MEMORY_BYTES)
    with pytest.raises(RunError, match="longer than"):
        conversions.saved_model_zip(flagship)
