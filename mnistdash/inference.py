"""Runs exported networks with LiteRT: images in, probabilities out, without TensorFlow."""

import threading
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from mnistdash.runs import TFLITE, RunError, load_model
from mnistdash.settings import Settings

BATCH = 100  # images at a time; more were not read faster


class Model:
    """A loaded network. May be called from several threads at once; they take turns.

    Attributes:
        name: of the run it comes from.
    """

    def __init__(self, path: Path, name: str):
        """Load a .tflite file.

        Raises:
            RunError: the file is missing or damaged.
        """
        self.name = name
        self._lock = threading.Lock()  # an interpreter used by two threads at once raises
        try:
            # Two threads, because small hosts have two cores.
            self._interpreter = Interpreter(str(path), num_threads=2)
            self._input = self._interpreter.get_input_details()[0]["index"]
            outputs = {int(output["shape"][-1]): output["index"] for output in self._interpreter.get_output_details()}
            self._probabilities, self._is_digit = outputs[10], outputs.get(1)
            self._resize(1)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise RunError(f"{path}: the model file is missing or damaged; train or export it again.") from error

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Read digits.

        Args:
            images: (n, 28, 28) float32 in [0, 1], 1 = ink; or uint8, 255 = ink.

        Returns:
            (n, 10) float32 probabilities.
        """
        return self.judge(images)[0]

    def judge(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Read digits, and say of each image how likely it is one at all.

        Args:
            images: as for a call.

        Returns:
            (n, 10) float32 probabilities, given that it is a digit; and (n,) float32 in [0, 1],
            or None where the network was not taught what is not a digit.
        """
        parts = [self._predict(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        if not parts:
            parts = [(np.zeros((0, 10), np.float32), np.zeros(0, np.float32))]
        probabilities, is_digit = zip(*parts, strict=True)
        return np.concatenate(probabilities), None if self._is_digit is None else np.concatenate(is_digit)

    def _predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        if images.dtype == np.uint8:
            images = images.astype(np.float32) / np.float32(255)
        with self._lock:
            if self._batch != len(images):
                self._resize(len(images))
            self._interpreter.set_tensor(self._input, np.ascontiguousarray(images, np.float32))
            self._interpreter.invoke()
            probabilities = self._interpreter.get_tensor(self._probabilities)
            if self._is_digit is None:
                return probabilities, None
            return probabilities, self._interpreter.get_tensor(self._is_digit)[:, 0]

    def _resize(self, batch: int) -> None:
        self._interpreter.resize_tensor_input(self._input, (batch, 28, 28))
        self._interpreter.allocate_tensors()
        self._batch = batch


def load(name: str, models: Path | None = None) -> Model:
    """Load a run's model by name.

    Args:
        name: of the run.
        models: folder of models; by default the one that the environment says.

    Raises:
        RunError: there is no such model, or its file is damaged.
    """
    models = models or Settings.from_environment().models
    return Model(load_model(name, models).folder / TFLITE, name)
