"""Weights."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import ACTIVE, Run

WEIGHTS = "weights.npz"  # arrays "0", "1" … float32, in the order of Keras's `get_weights`


def can_continue(run: Run) -> bool:
    """Whether a run has ended with weights to go on from, and its recipe says how."""
    has_weights = run.card is not None or (run.folder / WEIGHTS).is_file()
    return has_weights and run.config.recipe in RECIPES and run.status not in ACTIVE


def load_weights(path: Path | BinaryIO) -> list[np.ndarray]:
    """The arrays of a WEIGHTS file, in their order.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile: there is none, or it is damaged.
    """
    with np.load(path, allow_pickle=False) as arrays:
        found = [arrays[str(number)] for number in range(len(arrays.files))]
    if not found or any(array.dtype != np.float32 or not np.isfinite(array).all() for array in found):
        raise ValueError("weights are finite float32 numbers")
    return found
