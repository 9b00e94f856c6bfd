"""Exported models run by LiteRT: images in, probabilities out, without TensorFlow."""

import threading
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from mnistdash.exceptions import RunError
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import TFLITE, check_model
from mnistdash.runs.store import load_trained_run

BATCH = 100  # images; larger batches are not faster
THREADS = 2  # small hosts have two cores
EARLIER_NAMES = {"output_0": "probabilities"}  # of outputs, in files of earlier versions


class Model:
    """A loaded model. Several threads may call it; they take turns.

    Attributes:
        name: of its run.
        has_features: False for a file of an earlier version, which has no output `features`.
    """

    def __init__(self, path: Path, name: str, rejects_non_digits: bool = False):
        """Load a .tflite file.

        Args:
            path: the file.
            name: name of the run.
            rejects_non_digits: True if the recipe teaches the network to reject non-digits.

        Raises:
            RunError: the file is missing or damaged.
        """
        self.name = name
        self._lock = threading.Lock()  # an interpreter used by two threads at once raises
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=THREADS)
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._resize(1)
            details = self._interpreter.get_signature_runner().get_output_details()
            self._outputs = {EARLIER_NAMES.get(key, key): int(output["index"]) for key, output in details.items()}
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise RunError(f"{name}/{path.name} is missing or damaged. Train the model again.") from error
        self._rejects_non_digits = rejects_non_digits and "is_digit" in self._outputs
        self.has_features = "features" in self._outputs

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Predict digits.

        Args:
            images: (n, 28, 28) float32 in [0, 1], 1 = ink; or uint8, 255 = ink; n > 0.

        Returns:
            (n, 10) float32 probabilities.
        """
        return self._predict(images, "probabilities")[0]

    def predict_with_is_digit(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Predict digits, and the probability that an image is a digit.

        Args:
            images: as for a call.

        Returns:
            (n, 10) float32 probabilities, and (n,) float32 in [0, 1], or None if the model cannot reject non-digits.
        """
        if not self._rejects_non_digits:
            return self(images), None
        probabilities, is_digit = self._predict(images, "probabilities", "is_digit")
        return probabilities, is_digit[:, 0]

    def predict_with_features(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict digits, and return the penultimate-layer features.

        Args:
            images: as for a call.

        Returns:
            (n, 10) float32 probabilities, and (n, k) float32 features; k = 0 unless `has_features`.
        """
        if not self.has_features:
            return self(images), np.zeros((len(images), 0), np.float32)
        probabilities, features = self._predict(images, "probabilities", "features")
        return probabilities, features

    def _predict(self, images: np.ndarray, *names: str) -> list[np.ndarray]:
        """Return the (n, k) float32 values of these outputs."""
        indices = [self._outputs[name] for name in names]
        starts = range(0, len(images), BATCH)
        batches = [self._predict_batch(images[start : start + BATCH], indices) for start in starts]
        return [np.concatenate(values) for values in zip(*batches, strict=True)]

    def _predict_batch(self, images: np.ndarray, indices: list[int]) -> list[np.ndarray]:
        if images.dtype == np.uint8:
            images = images.astype(np.float32) / np.float32(255)
        with self._lock:
            if self._batch != len(images):
                self._resize(len(images))
            self._interpreter.set_tensor(self._input, np.ascontiguousarray(images, np.float32))
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in indices]

    def _resize(self, batch: int) -> None:
        self._interpreter.resize_tensor_input(self._input, (batch, 28, 28))
        self._interpreter.allocate_tensors()
        self._batch = batch


def load_model(name: str, models: Path) -> Model:
    """Load the model of a run.

    Args:
        name: name of the run.
        models: folder of models.

    Raises:
        RunError: there is no such model, or its file is damaged.
    """
    run = load_trained_run(name, models)
    check_model(run)  # before native code parses it
    recipe = RECIPES.get(run.config.recipe)
    return Model(run.folder / TFLITE, name, rejects_non_digits=recipe is not None and recipe.rejects_non_digits)
