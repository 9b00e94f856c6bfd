"""The trained weights of a run, as plain arrays."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import ACTIVE, Run

WEIGHTS = "weights.npz"  # arrays "0", "1" … float32, in the order of Keras's `get_weights`


def can_continue(run: Run) -> bool:
    """Return True if a run has ended with weights, and its recipe still exists."""
    has_weights = run.card is not None or (run.folder / WEIGHTS).is_file()
    return has_weights and run.config.recipe in RECIPES and run.status not in ACTIVE


def load_weights(source: Path | BinaryIO) -> list[np.ndarray]:
    """Load the arrays of a WEIGHTS file, in their order.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile: the file is missing or damaged.
    """
    with np.load(source, allow_pickle=False) as arrays:
        weights = [arrays[str(number)] for number in range(len(arrays.files))]
    if not weights or any(array.dtype != np.float32 or not np.isfinite(array).all() for array in weights):
        raise ValueError("weights are finite float32 numbers")
    return weights
