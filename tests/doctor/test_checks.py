"""Installation self-check: most tests cause one fault and expect one finding."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import idx_files
import pytest

from mnistdash.data import mnist
from mnistdash.doctor import checks
from mnistdash.doctor.__main__ import report
from mnistdash.doctor.checks import OK, PROBLEM, WARNING, Finding, run_checks
from mnistdash.inference.model import Model
from mnistdash.runs import store
from mnistdash.runs.run import CARD, CONFIG, TFLITE
from mnistdash.settings import PROJECT, Settings


@pytest.fixture
def settings(flagship, monkeypatch, tmp_path) -> Settings:
    """Return the settings of a working installation: four small data files, the shipped model, an empty cache."""
    files = idx_files.contents()
    monkeypatch.setattr(mnist, "FILES", idx_files.hashes(files))
    monkeypatch.setattr(mnist, "VALIDATION_IMAGES", 10)
    monkeypatch.setattr(checks, "MIN_FREE_BYTES", 1000)
    idx_files.write(tmp_path / "data", files)
    return Settings(data=tmp_path / "data", cache=tmp_path / "cache", models=flagship.folder.parent)


def only_finding(findings: list[Finding], text: str) -> Finding:
    """Return the only finding that contains a text."""
    (finding,) = (finding for finding in findings if text in finding.message)
    return finding


def test_working_installation_has_no_problems_and_is_not_changed(settings, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    findings = run_checks(settings)
    assert {finding.level for finding in findings} == {OK}, findings
    assert only_finding(findings, f"MNIST is in {settings.data}")
    assert only_finding(findings, "1 runs and 1 models")
    assert sorted(tmp_path.rglob("*")) == before


def test_report_prints_one_line_per_finding_and_returns_the_exit_status(capsys):
    findings = [Finding(OK, "Fine."), Finding(WARNING, "Slow.")]
    assert report(findings) == 0
    assert report([*findings, Finding(PROBLEM, "The end of its log:\nbroken")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == ["ok       Fine.", "warning  Slow.", "problem  The end of its log: broken"]


def test_unsupported_python_is_a_problem(settings, monkeypatch):
    monkeypatch.setattr(checks, "PYTHON_VERSIONS", ((3, 98), (3, 99)))
    assert only_finding(run_checks(settings), "is not supported. Use 3.98 to 3.99").level == PROBLEM


def test_packages_are_compared_with_the_requirements_of_this_platform(settings, monkeypatch, tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "# a comment\n\n"
        "numpy==0.0.1 # another\n"
        "packaging>=1\n"
        "no-such-package-here==1.0\n"
        'other-platform==1.0; sys_platform == "nowhere"\n'
    )
    monkeypatch.setattr(checks, "PROJECT", tmp_path)
    findings = run_checks(settings)
    assert only_finding(findings, "==0.0.1 was tested. Run: pip install").level == WARNING
    assert only_finding(findings, "The package no-such-package-here is missing. Run: pip install").level == PROBLEM
    assert not any("packaging" in finding.message or "other-platform" in finding.message for finding in findings)


def test_unexpected_error_in_one_check_does_not_stop_the_others(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(checks, "PROJECT", tmp_path)
    findings = run_checks(settings)
    assert only_finding(findings, "FileNotFoundError").level == PROBLEM
    assert only_finding(findings, "1 models")


def run_doctor(environment: dict[str, str], code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; {code}; from mnistdash.doctor.__main__ import main; sys.exit(main())"
    environment = {**environment, **variables}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.slow
@pytest.mark.parametrize("package", ["platformdirs", "packaging.requirements", "ai_edge_litert.interpreter"])
def test_missing_package_is_a_problem_without_a_traceback(flagship, offline, environment, package):
    done = run_doctor(environment, f"sys.modules[{package!r}] = None")
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       Python")
    assert any(line.startswith("problem") and package in line for line in lines), done.stdout


def test_invalid_setting_is_a_problem(monkeypatch, capsys):
    from mnistdash.doctor.__main__ import main

    monkeypatch.setenv("MNISTDASH_RUNS", "many")
    assert main() == 1
    assert "problem  Settings cannot be read: MNISTDASH_RUNS must be" in capsys.readouterr().out


@pytest.mark.slow
def test_tensorflow_is_not_imported(flagship, offline, environment):
    code = "import atexit; atexit.register(lambda: print('tensorflow' in sys.modules))"
    assert run_doctor(environment, code).stdout.splitlines()[-1] == "False"


def test_missing_mnist_is_a_warning_that_names_the_command(settings):
    found = only_finding(run_checks(replace(settings, data=None)), "MNIST is not available")
    assert found.level == WARNING
    assert "python -m mnistdash data" in found.message
    assert not settings.cache.exists()


def test_incomplete_data_folder_is_a_warning_and_the_cache_is_checked(settings, tmp_path):
    (tmp_path / "empty").mkdir()
    findings = run_checks(replace(settings, data=tmp_path / "empty", cache=settings.data))
    assert only_finding(findings, f"MNISTDASH_DATA ({tmp_path / 'empty'})").level == WARNING
    assert only_finding(findings, f"MNIST is in {settings.data}").level == OK


def test_damaged_data_file_is_a_problem_and_kept(settings):
    damaged = next(settings.data.glob("t10k-labels*"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    for changed in (settings, replace(settings, data=None, cache=settings.data)):
        assert only_finding(run_checks(changed), str(damaged)).level == PROBLEM
    assert damaged.exists()


def test_missing_shipped_model_is_a_problem(settings):
    findings = run_checks(replace(settings, models=settings.cache))
    assert only_finding(findings, "The model flagship is missing. Copy models/flagship").level == PROBLEM


def truncate(folder: Path) -> None:
    path = folder / TFLITE
    path.write_bytes(path.read_bytes()[:100_000])


def truncate_and_adapt_card(folder: Path) -> None:
    truncate(folder)
    text, card = (folder / CARD).read_text(), store.load_run(folder).card
    (folder / CARD).write_text(text.replace(str(card.bytes), "100000").replace(card.sha256, "0" * 64))


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        (lambda folder: (folder / CARD).write_text("{"), "card.json"),
        (lambda folder: (folder / CONFIG).write_text("[]"), "config.json"),
        (lambda folder: (folder / TFLITE).unlink(), "model.tflite"),
        (truncate, "model.tflite"),
        (truncate_and_adapt_card, "model.tflite"),
    ],
    ids=["card", "config", "no model", "truncated model", "truncated model that its card describes"],
)
def test_damaged_run_is_a_problem(settings, make_run, harm, text):
    harm(make_run("mine", events=[{"event": "ended", "status": "finished"}], card={}))
    found = only_finding(run_checks(settings), "mine")
    assert found.level == PROBLEM
    assert text in found.message


def test_model_that_cannot_predict_is_a_problem(settings, monkeypatch):
    def fail(self: Model, images: object) -> None:
        raise RuntimeError("Input tensor 2 lacks data")

    monkeypatch.setattr(Model, "__call__", fail)
    assert only_finding(run_checks(settings), "flagship: Input tensor 2 lacks data").level == PROBLEM


def test_failed_run_without_a_model_is_not_a_problem(settings, make_run):
    make_run("failed", events=[{"event": "ended", "status": "failed", "reason": "Out of memory."}])
    assert {finding.level for finding in run_checks(settings)} == {OK}


def test_folder_that_does_not_exist_yet_is_not_created(settings, tmp_path):
    findings = run_checks(replace(settings, models=tmp_path / "new" / "models"))
    assert only_finding(findings, f"{tmp_path / 'new' / 'models'} is writable").level == OK
    assert not (tmp_path / "new").exists()


def test_little_free_space_is_a_warning(settings, monkeypatch):
    monkeypatch.setattr(checks, "MIN_FREE_BYTES", 10**18)
    assert only_finding(run_checks(settings), f"{settings.models} is writable").level == WARNING


def test_unwritable_folder_is_a_problem_unless_the_dashboard_is_read_only(settings, monkeypatch):
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refuse)
    assert only_finding(run_checks(settings), f"{settings.models} is not writable (Permission denied)").level == PROBLEM
    read_only = run_checks(replace(settings, readonly=True))
    assert not any(f"{settings.models} is not writable" in finding.message for finding in read_only)
