"""A network after each epoch: its predictions on the validation digits, its filters and its activations.

`epochs/0007.npz` in a run's folder is written at the end of the seventh epoch. Every file holds predictions; filters
and activations, which take more room, are only saved for the epochs of `saves_network_view`.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from mnistdash.exceptions import RunError
from mnistdash.runs.validation import parse_json
from mnistdash.system.atomic import atomic_path

FOLDER = "epochs"
VIEWED_EPOCHS = 50  # epochs of a run with filters and activations, at most
CHANNELS = 8  # of a layer whose activations are saved

_LAYER_NAMES = TypeAdapter(list[str])
_Arrays = np.lib.npyio.NpzFile


@dataclass(frozen=True)
class EpochPredictions:
    """Predictions on n validation digits.

    Attributes:
        predicted: (n,) uint8, the most likely digit.
        confidence: (n,) float16, its probability.
        true_probability: (n,) float16, the probability of the true digit.
    """

    predicted: np.ndarray
    confidence: np.ndarray
    true_probability: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, labels: np.ndarray) -> "EpochPredictions":
        """Convert (n, 10) probabilities and (n,) true digits."""
        true = np.take_along_axis(probabilities, labels[:, None].astype(np.int64), axis=1)[:, 0]
        return cls(
            probabilities.argmax(1).astype(np.uint8), probabilities.max(1).astype(np.float16), true.astype(np.float16)
        )


@dataclass(frozen=True)
class NetworkView:
    """The inside of a network.

    Attributes:
        filters: (n, height, width) float32, the weights of the first layer, an image for each unit.
        layers: from the first to the last, the kind and size of a layer, and its activations for ten digits, one of
            each class: (10, channels, height, width) uint8, 255 = the largest activation for that digit.
    """

    filters: np.ndarray
    layers: Sequence[tuple[str, np.ndarray]]


def first_of_each_digit(labels: np.ndarray) -> np.ndarray:
    """Return the index of the first digit of each class, (10,) int64."""
    return np.array([int(np.argmax(labels == digit)) for digit in range(10)])


def saves_network_view(epoch: int, epochs: int) -> bool:
    """Return True if filters and activations of this epoch, counted from 1, are saved."""
    return epoch % -(-epochs // VIEWED_EPOCHS) == 0 or epoch in (1, epochs)


def write_snapshot(run: Path, epoch: int, predictions: EpochPredictions, view: NetworkView | None = None) -> None:
    """Save the network's state after an epoch, counted from 1."""
    arrays = {name: getattr(predictions, name) for name in ("predicted", "confidence", "true_probability")}
    if view is not None:
        arrays["filters"] = view.filters.astype(np.float16)
        arrays["layers"] = np.array(json.dumps([name for name, _ in view.layers]))
        arrays |= {f"layer_{number}": maps for number, (_, maps) in enumerate(view.layers)}
    (run / FOLDER).mkdir(exist_ok=True)
    with atomic_path(_path(run, epoch)) as path:
        np.savez_compressed(path, **arrays)


def snapshot_epochs(run: Path) -> list[int]:
    """Return the epochs that have a snapshot, in order."""
    return sorted(int(path.stem) for path in (run / FOLDER).glob("*.npz") if path.stem.isdecimal())


def read_snapshot(run: Path, epoch: int) -> tuple[EpochPredictions, NetworkView | None]:
    """Return the predictions and the network, None if it was not saved, after an epoch of `snapshot_epochs`.

    Raises:
        RunError: the file is damaged.
    """
    path = _path(run, epoch)
    return parse_snapshot(path, "/".join(path.parts[-3:]))


def parse_snapshot(source: Path | io.BytesIO, name: str) -> tuple[EpochPredictions, NetworkView | None]:
    """Read and validate a snapshot file; the RunError for a damaged one mentions `name`."""
    try:
        with np.load(source, allow_pickle=False) as arrays:
            return _predictions(arrays), _network_view(arrays)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, RunError) as error:
        raise RunError(f"{name} is damaged, so the results of this epoch are lost.") from error


def _path(run: Path, epoch: int) -> Path:
    return run / FOLDER / f"{epoch:04}.npz"


def _predictions(arrays: _Arrays) -> EpochPredictions:
    predicted = _array(arrays, "predicted", np.uint8, 1)
    confidence, true_probability = (_array(arrays, name, np.float16, 1) for name in ("confidence", "true_probability"))
    if not predicted.shape == confidence.shape == true_probability.shape:
        raise ValueError("arrays of different lengths")
    if (predicted > 9).any():
        raise ValueError("not a digit")
    return EpochPredictions(predicted, confidence, true_probability)


def _network_view(arrays: _Arrays) -> NetworkView | None:
    if "filters" not in arrays:
        return None
    filters = _array(arrays, "filters", np.float16, 3).astype(np.float32)
    names = parse_json(_LAYER_NAMES, str(arrays["layers"]).encode(), "layers")
    maps = [_array(arrays, f"layer_{number}", np.uint8, 4) for number in range(len(names))]
    if any(len(layer) != 10 for layer in maps):
        raise ValueError("not one activation map for each digit")
    return NetworkView(filters, list(zip(names, maps, strict=True)))


def _array(arrays: _Arrays, name: str, dtype: type[np.generic], dimensions: int) -> np.ndarray:
    array: np.ndarray = arrays[name]
    if array.dtype != dtype or array.ndim != dimensions:
        raise ValueError(f"{name} has an unexpected type or shape")
    return array
