"""From pixels to an answer: what a network makes of one drawing or photo."""

import time
from dataclasses import dataclass

import numpy as np

from mnistdash import preprocess
from mnistdash.inference import Model


@dataclass(frozen=True)
class Reading:
    """One image, read.

    Attributes:
        verdict: "digit" or "blank".
        view: (28, 28) float32 in [0, 1], what the network saw; empty for a blank image.
        probabilities: (10,) float32; all 0 for a blank image.
        milliseconds: that the network took.
    """

    verdict: str
    view: np.ndarray
    probabilities: np.ndarray
    milliseconds: float

    @property
    def digit(self) -> int | None:
        """The best guess; None for a blank image."""
        return None if self.verdict == "blank" else int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The best guess's probability; 0 for a blank image."""
        return float(self.probabilities.max())


BLANK = Reading("blank", np.zeros((28, 28), np.float32), np.zeros(10, np.float32), 0.0)


def read(image: np.ndarray, model: Model) -> Reading:
    """Read a digit.

    Args:
        image: as for `preprocess.to_mnist`.
        model: the network to ask.
    """
    try:
        view = preprocess.to_mnist(image)
    except preprocess.BlankImageError:
        return BLANK
    began = time.perf_counter()
    probabilities = model(view[None])[0]
    return Reading("digit", view, probabilities, 1000 * (time.perf_counter() - began))
