"""From pixels to an answer: what a network makes of a drawing or photo of a digit or a number."""

import time
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mnistdash.exceptions import BlankImageError
from mnistdash.imaging import normalize, segmentation
from mnistdash.imaging.binarize import MIN_CONTRAST, extract_foreground
from mnistdash.inference.model import Model

DIGIT, UNSURE, NOT_A_DIGIT, BLANK = "digit", "unsure", "not a digit", "blank"
MIN_IS_DIGIT = 0.5  # how likely it must be a digit at all to be taken for one
MIN_CONFIDENCE = 0.7  # below it the runner-up is named too
SMALLEST = 1e-4  # keeps the logarithm of a likelihood finite
PER_DIGIT = 0.1  # nats by which one digit is preferred to two that are as likely
APART = 3.0  # nats by which two are preferred to one where there is paper between them from top to bottom
PART = 0.35  # share of a blob's width over or under its neighbour from which both are one digit, for a
# network that was not taught what is not a digit


@dataclass(frozen=True)
class DigitPrediction:
    """One digit, read.

    Attributes:
        verdict: DIGIT; UNSURE, between `digit` and `runner_up`; or NOT_A_DIGIT.
        ink: (height, width) float32 in [0, 1], cropped from the image.
        view: (28, 28) float32 in [0, 1], what the network saw.
        probabilities: (10,) float32.
        is_digit: how likely it is a digit at all, in [0, 1]; None where the network was not taught that.
    """

    verdict: str
    ink: np.ndarray
    view: np.ndarray
    probabilities: np.ndarray
    is_digit: float | None

    @property
    def digit(self) -> int:
        """The best guess, whatever the verdict."""
        return int(self.probabilities.argmax())

    @property
    def runner_up(self) -> int:
        """The second best guess."""
        return int(np.argsort(-self.probabilities, kind="stable")[1])

    @property
    def confidence(self) -> float:
        """The best guess's probability."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class Recognition:
    """An image, read.

    Attributes:
        digits: from left to right; none in a blank image.
        whole: the image read as a single digit; None for a blank image.
        ink: (height, width) float32 in [0, 1]; empty for a blank image.
        steps: of `preprocess.steps`, what was made of a single digit's ink, and its name; empty for others.
        milliseconds: that the network took.
    """

    digits: tuple[DigitPrediction, ...] = ()
    whole: DigitPrediction | None = None
    ink: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    steps: tuple[tuple[str, np.ndarray], ...] = ()
    milliseconds: float = 0.0

    @property
    def verdict(self) -> str:
        """BLANK, or the most doubtful verdict of the digits."""
        if not self.digits:
            return BLANK
        return max((reading.verdict for reading in self.digits), key=(DIGIT, UNSURE, NOT_A_DIGIT).index)

    @property
    def number(self) -> str | None:
        """The best guesses, "42"; None for a blank image."""
        return "".join(str(reading.digit) for reading in self.digits) or None

    @property
    def confidence(self) -> float:
        """How likely the number is right: the product of its digits' probabilities; 0 for a blank image."""
        return float(np.prod([reading.confidence for reading in self.digits])) if self.digits else 0.0


NOTHING = Recognition()


def recognize(image: np.ndarray, model: Model) -> Recognition:
    """Read a digit, or several from left to right.

    Args:
        image: as for `preprocess.to_mnist`.
        model: the network to ask.
    """
    try:
        ink = extract_foreground(image)
    except BlankImageError:
        return NOTHING
    blobs, labelled = segmentation.find_components(ink)
    candidates = segmentation.candidates(blobs)
    parts = {span: blob.cut_out(ink, labelled) for span, blob in candidates.items()}
    everything = 0, len(blobs)
    if everything not in parts:
        parts[everything] = normalize.crop(ink)
    made = {span: normalize.normalization_steps(part) for span, part in parts.items()}
    views = np.stack([steps[-1][1] for steps in made.values()])
    began = time.perf_counter()
    probabilities, is_digit = model.predict_with_is_digit(views)
    milliseconds = 1000 * (time.perf_counter() - began)
    likenesses = [None] * len(parts) if is_digit is None else map(float, is_digit)
    readings = {
        span: DigitPrediction(digit_verdict(shares, likeness), part, view, shares, likeness)
        for (span, part), view, shares, likeness in zip(parts.items(), views, probabilities, likenesses, strict=True)
    }
    scores = {span: _score(readings[span], blobs[slice(*span)]) for span in candidates}
    chosen = segmentation.best_segmentation(scores, len(blobs))
    steps = tuple(made[chosen[0]]) if len(chosen) == 1 else ()
    return Recognition(tuple(readings[span] for span in chosen), readings[everything], ink, steps, milliseconds)


def digit_verdict(probabilities: np.ndarray, is_digit: float | None) -> str:
    """DIGIT, UNSURE or NOT_A_DIGIT, by (10,) probabilities and how likely it is a digit at all, None for unknown."""
    if is_digit is not None and is_digit < MIN_IS_DIGIT:
        return NOT_A_DIGIT
    return DIGIT if probabilities.max() >= MIN_CONFIDENCE else UNSURE


def _score(reading: DigitPrediction, blobs: list[segmentation.Component]) -> float:
    """How well some blobs make one digit, as a logarithm of a likelihood."""
    shared = [segmentation.shared_width(one, other) for one, other in pairwise(blobs)]
    if reading.is_digit is None:
        return -np.inf if any(share < PART for share in shared) else -PER_DIGIT
    likelihood = max(reading.is_digit * reading.confidence, SMALLEST)
    return float(np.log(likelihood)) - PER_DIGIT - APART * sum(share <= 0 for share in shared)


def recognize_unprocessed(picture: np.ndarray, model: Model) -> Recognition:
    """Read a digit that was handed over, whatever was drawn on it since, as the single digit that it is.

    It is neither cropped nor centred, nor are its strokes evened: a digit of MNIST is what that would make of it, and
    to do it once more would change what is made of a third of the misread ones before anything is drawn.

    Args:
        picture: (280, 280) uint8, 255 = ink, of the canvas.
        model: the network to ask.
    """
    ink = picture.astype(np.float32) / 255
    scale = len(picture) // normalize.IMAGE_SIDE
    view = ink.reshape(normalize.IMAGE_SIDE, scale, normalize.IMAGE_SIDE, scale).mean((1, 3))
    if view.max() < MIN_CONTRAST:
        return NOTHING
    began = time.perf_counter()
    probabilities, is_digit = model.predict_with_is_digit(view[None])
    milliseconds = 1000 * (time.perf_counter() - began)
    likeness = None if is_digit is None else float(is_digit[0])
    verdict = digit_verdict(probabilities[0], likeness)
    single = DigitPrediction(verdict, ink, view, probabilities[0], likeness)
    return Recognition((single,), single, ink, milliseconds=milliseconds)
