"""Building, training and finishing networks: the only part of the package that imports Keras."""

import gc
import importlib
import sys

from mnistdash.fitting import memory

OPTIONAL = ("pandas", "sklearn")  # Keras imports them where they are installed, to know their types when it sees them


def _import_keras() -> None:
    """Import Keras without packages that no run hands to it: they take 110 MB and a second."""
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # None: importing it fails as if it were not installed
    try:
        importlib.import_module("keras")
    finally:
        for name in hidden:
            del sys.modules[name]


_import_keras()
memory.give_back()
gc.freeze()  # these million objects will live to the end: collections need not look at them any more
