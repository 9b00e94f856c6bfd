"""Streamlit components of this package: each a folder with its Python, JavaScript and CSS."""

from pathlib import Path


def read_asset(package_file: str, name: str) -> str:
    """Return the text of a file beside a module.

    Streamlit serves a component's files itself only from an installed package.

    Args:
        package_file: the module's `__file__`.
        name: the file's name.
    """
    return Path(package_file).with_name(name).read_text(encoding="utf-8")
