"""Runs exported networks with LiteRT: images in, probabilities out, without TensorFlow."""

import threading
from functools import cached_property
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from mnistdash.runs.run import TFLITE, check_model
from mnistdash.runs.store import RunError, load_trained_run
from mnistdash.settings import Settings

BATCH = 100  # images at a time; more were not read faster
THREADS = 2  # because small hosts have two cores


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
        self._path = path
        try:
            self._network = _Network(model_path=str(path))
            self._probabilities = self._network.outputs[10]
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise RunError(f"{name}/{path.name}: the model file is missing or damaged; train it again.") from error
        self._is_digit = self._network.outputs.get(1)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Read digits.

        Args:
            images: (n, 28, 28) float32 in [0, 1], 1 = ink; or uint8, 255 = ink.

        Returns:
            (n, 10) float32 probabilities.
        """
        return self.predict_with_is_digit(images)[0]

    def predict_with_is_digit(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Read digits, and say of each image how likely it is one at all.

        Args:
            images: as for a call.

        Returns:
            (n, 10) float32 probabilities, given that it is a digit; and (n,) float32 in [0, 1],
            or None where the network was not taught what is not a digit.
        """
        if self._is_digit is None:
            return self._network.run(images, [self._probabilities])[0], None
        probabilities, is_digit = self._network.run(images, [self._probabilities, self._is_digit])
        return probabilities, is_digit[:, 0]

    def predict_with_features(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read digits, and tell by what they were told apart.

        Args:
            images: as for a call.

        Returns:
            (n, 10) float32 probabilities, and (n, k) float32 features: what goes into the last dense
            layer, side by side where there are several networks in it.
        """
        network, features = self._tapped
        probabilities, *parts = network.run(images, [self._probabilities, *features])
        return probabilities, np.concatenate(parts, axis=1)

    @cached_property
    def _tapped(self) -> tuple["_Network", list[int]]:
        from mnistdash.inference.features import tapped  # only the error explorer needs it

        content, features = tapped(self._path)
        return _Network(model_content=content), features


class _Network:
    """A LiteRT interpreter that takes any number of images.

    Attributes:
        outputs: number of values for an image -> index of the tensor.
    """

    def __init__(self, **source: str | bytes):
        self._lock = threading.Lock()  # an interpreter used by two threads at once raises
        self._interpreter = Interpreter(**source, num_threads=THREADS)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self.outputs = {int(output["shape"][-1]): output["index"] for output in self._interpreter.get_output_details()}
        self._resize(1)

    def run(self, images: np.ndarray, wanted: list[int]) -> list[np.ndarray]:
        """For each tensor that is wanted, its (n, values) float32 for these images."""
        starts = range(0, max(1, len(images)), BATCH)
        parts = [self._run_batch(images[start : start + BATCH], wanted) for start in starts]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def _run_batch(self, images: np.ndarray, wanted: list[int]) -> list[np.ndarray]:
        count = len(images)
        if not count:  # the interpreter takes no empty batch
            images = np.zeros((1, 28, 28), np.float32)
        if images.dtype == np.uint8:
            images = images.astype(np.float32) / np.float32(255)
        with self._lock:
            if self._batch != len(images):
                self._resize(len(images))
            self._interpreter.set_tensor(self._input, np.ascontiguousarray(images, np.float32))
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index)[:count] for index in wanted]

    def _resize(self, batch: int) -> None:
        self._interpreter.resize_tensor_input(self._input, (batch, 28, 28))
        self._interpreter.allocate_tensors()
        self._batch = batch


def load_model(name: str, models: Path | None = None) -> Model:
    """Load a run's model by name.

    Args:
        name: of the run.
        models: folder of models; by default the one that the environment says.

    Raises:
        RunError: there is no such model, or its file is damaged.
    """
    run = load_trained_run(name, models or Settings.from_environment().models)
    check_model(run)  # before native code reads it
    return Model(run.folder / TFLITE, name)
