"""Networks and how they are trained: the only package that imports Keras."""

import contextlib
import ctypes
import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

from mnistdash.system.malloc import release_library_pages

TENSORFLOW_LIBRARY = "libtensorflow_cc.so.2"
# Keras imports them, if installed, only to recognize their types: 110 MB and a second.
UNUSED_PACKAGES = ("pandas", "sklearn")


def _import_keras() -> None:
    """Import Keras with a lower memory peak, and without the packages that no run uses."""
    spec = find_spec("tensorflow")
    if spec is not None and spec.origin is not None:
        with contextlib.suppress(OSError):  # no such library on this platform
            ctypes.CDLL(str(Path(spec.origin).with_name(TENSORFLOW_LIBRARY)))
            release_library_pages()  # 260 MB, before the rest is imported
    hidden = [name for name in UNUSED_PACKAGES if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # importing it fails as if it were not installed
    try:
        importlib.import_module("keras")
    finally:
        for name in hidden:
            del sys.modules[name]
    release_library_pages()


if "keras" not in sys.modules:
    _import_keras()
