"""Consistency of the documents with the code."""

import re

import pytest

from mnistdash.settings import PROJECT, Settings

DOCUMENTS = [path.relative_to(PROJECT).as_posix() for path in (*PROJECT.glob("*.md"), *PROJECT.glob("*/*.md"))]


def setting_names() -> set[str]:
    """Return the environment variables read by the settings."""

    class Spy(dict):
        def get(self, name, default=None):
            names.add(name)
            return default

    names: set[str] = set()
    Settings.from_environment(Spy())
    return names


def test_the_hosting_guide_lists_every_setting_once():
    text = (PROJECT / "docs" / "hosting.md").read_text()
    assert sorted(re.findall(r"^\| `(MNISTDASH_\w+)` \|", text, flags=re.MULTILINE)) == sorted(setting_names())


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile", "README.md"])
def test_files_name_only_settings_that_exist(name):
    assert set(re.findall(r"MNISTDASH_[A-Z_]*[A-Z]", (PROJECT / name).read_text())) <= setting_names()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_point_to_a_file_and_heading(name):
    for target in re.findall(r"\]\((?!http|<)([^)]+)\)", (PROJECT / name).read_text()):
        path, _, anchor = target.partition("#")
        file = (PROJECT / name).parent / path if path else PROJECT / name
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, target
