"""What a network was like after each epoch: its answers on the validation digits, its filters, its activations.

`epochs/0007.npz` in a run's folder is written as the seventh epoch ends. The answers are in every
file; filters and activations, which take more room, only in those of `has_details`.
"""

import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistdash.exceptions import RunError
from mnistdash.system.atomic import atomic_path

FOLDER = "epochs"
VIEWED_EPOCHS = 50  # epochs of a run that have details, at most
CHANNELS = 8  # of a layer whose activations are kept


@dataclass(frozen=True)
class EpochPredictions:
    """What the network made of n validation digits.

    Attributes:
        predicted: (n,) uint8, the likeliest digit.
        confidence: (n,) float16, its probability.
        true_probability: (n,) float16, that of the true digit.
    """

    predicted: np.ndarray
    confidence: np.ndarray
    true_probability: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, labels: np.ndarray) -> "EpochPredictions":
        """From (n, 10) probabilities and (n,) true digits."""
        true = np.take_along_axis(probabilities, labels[:, None].astype(np.int64), axis=1)[:, 0]
        return cls(
            probabilities.argmax(1).astype(np.uint8), probabilities.max(1).astype(np.float16), true.astype(np.float16)
        )


@dataclass(frozen=True)
class LayerActivations:
    """How a layer answers to ten digits, one of each kind.

    Attributes:
        name: what kind of layer it is, and its size.
        maps: (10, channels, height, width) uint8, 255 = the largest activation of the layer for that digit.
    """

    name: str
    maps: np.ndarray


@dataclass(frozen=True)
class NetworkView:
    """What is inside a network.

    Attributes:
        filters: (n, height, width) float32, the weights of the first layer, a picture for each unit.
        layers: from the first to the last.
    """

    filters: np.ndarray
    layers: Sequence[LayerActivations]


def first_of_each_digit(labels: np.ndarray) -> np.ndarray:
    """(10,) int64: where the first digit of each kind is."""
    return np.array([int(np.argmax(labels == digit)) for digit in range(10)])


def saves_network_view(epoch: int, epochs: int) -> bool:
    """Whether filters and activations are kept of an epoch, counted from 1, of a run of so many."""
    return epoch % -(-epochs // VIEWED_EPOCHS) == 0 or epoch in (1, epochs)


def write_snapshot(run: Path, epoch: int, answers: EpochPredictions, details: NetworkView | None = None) -> None:
    """Keep what the network was like after an epoch, counted from 1."""
    arrays = {name: getattr(answers, name) for name in ("predicted", "confidence", "true_probability")}
    if details is not None:
        arrays["filters"] = details.filters.astype(np.float16)
        arrays["layers"] = np.array(json.dumps([layer.name for layer in details.layers]))
        arrays |= {f"layer_{number}": layer.maps for number, layer in enumerate(details.layers)}
    (run / FOLDER).mkdir(exist_ok=True)
    with atomic_path(run / FOLDER / f"{epoch:04}.npz") as path:
        np.savez_compressed(path, **arrays)


def snapshot_epochs(run: Path) -> list[int]:
    """The epochs that something is kept of, in their order."""
    found = (re.fullmatch(r"(\d+)\.npz", path.name) for path in (run / FOLDER).glob("*.npz"))
    return sorted(int(match[1]) for match in found if match)


def read_predictions(run: Path, epoch: int) -> EpochPredictions:
    """The answers after an epoch of `epochs`.

    Raises:
        RunError: the file is damaged.
    """
    with _opened(run, epoch) as arrays:
        answers = EpochPredictions(arrays["predicted"], arrays["confidence"], arrays["true_probability"])
        if not answers.predicted.shape == answers.confidence.shape == answers.true_probability.shape:
            raise ValueError("of different lengths")
        return answers


def read_network_view(run: Path, epoch: int) -> NetworkView | None:
    """What was inside the network after an epoch of `epochs`, or None where that was not kept.

    Raises:
        RunError: the file is damaged.
    """
    with _opened(run, epoch) as arrays:
        if "filters" not in arrays:
            return None
        names = json.loads(str(arrays["layers"]))
        layers = [LayerActivations(name, arrays[f"layer_{number}"]) for number, name in enumerate(names)]
        return NetworkView(arrays["filters"].astype(np.float32), layers)


def check_snapshot(content: bytes) -> None:
    """Raise RunError unless these bytes are a file that `write` has made."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch)
        (run / FOLDER).mkdir()
        (run / FOLDER / "0001.npz").write_bytes(content)
        read_predictions(run, 1)
        read_network_view(run, 1)


@contextmanager
def _opened(run: Path, epoch: int) -> Iterator[np.lib.npyio.NpzFile]:
    path = run / FOLDER / f"{epoch:04}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise RunError(f"{run.name}/{FOLDER}/{path.name} is damaged: what epoch {epoch} was like is lost.") from error
