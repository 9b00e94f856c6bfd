"""Building, training and finishing networks: the only part of the package that imports Keras."""

import ctypes
import gc
import importlib
import importlib.util
import sys
from pathlib import Path

from mnistdash.training import memory

OPTIONAL = ("pandas", "sklearn")  # Keras imports them where they are installed, to know their types when it sees them
LIBRARY = "libtensorflow_cc.so.2"  # of TensorFlow, on Linux


def _import_keras() -> None:
    """Import Keras without packages that no run hands to it: they take 110 MB and a second."""
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # None: importing it fails as if it were not installed
    try:
        importlib.import_module("keras")
    finally:
        for name in hidden:
            del sys.modules[name]


def _load_library() -> None:
    """Load TensorFlow's library by itself: its start reads 260 MB, which are given back before the rest is imported."""
    found = importlib.util.find_spec("tensorflow")
    if found is not None and found.origin and (library := Path(found.origin).parent / LIBRARY).exists():
        ctypes.CDLL(str(library))
        memory.release_memory()


if "keras" not in sys.modules:
    _load_library()
    _import_keras()
    memory.release_memory()
    gc.freeze()  # these million objects will live to the end: collections need not look at them any more
