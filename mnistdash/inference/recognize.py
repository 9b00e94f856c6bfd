"""Recognition of the digit or number in a drawing or photo."""

import time
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mnistdash.exceptions import BlankImageError
from mnistdash.imaging import normalize, segmentation
from mnistdash.imaging.binarize import MIN_CONTRAST, extract_foreground
from mnistdash.inference.model import Model

DIGIT, UNSURE, NOT_A_DIGIT, BLANK = "digit", "unsure", "not a digit", "blank"
MIN_IS_DIGIT = 0.5  # probability of a digit; below it the verdict is NOT_A_DIGIT
MIN_CONFIDENCE = 0.7  # probability of the best digit; below it the verdict is UNSURE
MIN_LIKELIHOOD = 1e-4  # keeps its logarithm finite
DIGIT_PENALTY = 0.1  # nats for each digit: one digit is preferred to two equally likely ones
GAP_PENALTY = 3.0  # nats for each vertical gap inside a digit
MIN_SHARED_WIDTH = 0.35  # of components of one digit, for models that cannot reject non-digits


@dataclass(frozen=True)
class DigitPrediction:
    """The prediction for one digit.

    Attributes:
        verdict: DIGIT, UNSURE (between the two most likely digits) or NOT_A_DIGIT.
        ink: (height, width) float32 in [0, 1], the digit cropped from the image.
        view: (28, 28) float32 in [0, 1], the input of the network.
        probabilities: (10,) float32.
        is_digit: probability that it is a digit; None if the model cannot reject non-digits.
    """

    verdict: str
    ink: np.ndarray
    view: np.ndarray
    probabilities: np.ndarray
    is_digit: float | None

    @property
    def digit(self) -> int:
        """The most likely digit, whatever the verdict."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of the most likely digit."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class Recognition:
    """The predictions for an image.

    Attributes:
        digits: from left to right; empty for a blank image.
        whole: the prediction for the image taken as one digit; None for a blank image.
        ink: (height, width) float32 in [0, 1], the foreground; empty for a blank image.
        steps: names and images of `normalize.normalization_steps` if there is one digit; else empty.
        milliseconds: duration of the inference.
    """

    digits: tuple[DigitPrediction, ...] = ()
    whole: DigitPrediction | None = None
    ink: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    steps: tuple[tuple[str, np.ndarray], ...] = ()
    milliseconds: float = 0.0

    @property
    def verdict(self) -> str:
        """BLANK, or the least certain verdict of the digits."""
        if not self.digits:
            return BLANK
        return max((digit.verdict for digit in self.digits), key=(DIGIT, UNSURE, NOT_A_DIGIT).index)

    @property
    def number(self) -> str | None:
        """The most likely digits, such as "42"; None for a blank image."""
        return "".join(str(digit.digit) for digit in self.digits) or None

    @property
    def confidence(self) -> float:
        """The product of the digits' confidences; 0 for a blank image."""
        return float(np.prod([digit.confidence for digit in self.digits])) if self.digits else 0.0


NOTHING = Recognition()


def recognize(image: np.ndarray, model: Model) -> Recognition:
    """Recognize one digit, or several from left to right.

    Args:
        image: as for `normalize.to_mnist`.
        model: the model to use.
    """
    try:
        ink = extract_foreground(image)
    except BlankImageError:
        return NOTHING
    components, labelled = segmentation.find_components(ink)
    candidates = segmentation.candidates(components)
    crops = {span: component.cut_out(ink, labelled) for span, component in candidates.items()}
    everything = 0, len(components)
    if everything not in crops:
        crops[everything] = normalize.crop(ink)
    steps = {span: normalize.normalization_steps(crop) for span, crop in crops.items()}
    views = np.stack([images[-1][1] for images in steps.values()])
    results, milliseconds = _predict(list(crops.values()), views, model)
    predictions = dict(zip(crops, results, strict=True))
    scores = {span: _score(predictions[span], components[slice(*span)]) for span in candidates}
    chosen = segmentation.best_segmentation(scores, len(components))
    shown_steps = tuple(steps[chosen[0]]) if len(chosen) == 1 else ()
    digits = tuple(predictions[span] for span in chosen)
    return Recognition(digits, predictions[everything], ink, shown_steps, milliseconds)


def recognize_unprocessed(picture: np.ndarray, model: Model) -> Recognition:
    """Recognize an MNIST digit on the canvas, edited or not, as one digit and without normalization.

    MNIST digits are normalized already; to repeat it would change a third of the model's errors.

    Args:
        picture: (280, 280) uint8, 255 = ink, of the canvas.
        model: the model to use.
    """
    ink = picture.astype(np.float32) / 255
    scale = len(picture) // normalize.IMAGE_SIDE
    view = ink.reshape(normalize.IMAGE_SIDE, scale, normalize.IMAGE_SIDE, scale).mean((1, 3))
    if view.max() < MIN_CONTRAST:
        return NOTHING
    (digit,), milliseconds = _predict([ink], view[None], model)
    return Recognition((digit,), digit, ink, milliseconds=milliseconds)


def digit_verdict(probabilities: np.ndarray, is_digit: float | None) -> str:
    """Return DIGIT, UNSURE or NOT_A_DIGIT.

    Args:
        probabilities: (10,) float32.
        is_digit: probability that it is a digit; None if the model cannot reject non-digits.
    """
    if is_digit is not None and is_digit < MIN_IS_DIGIT:
        return NOT_A_DIGIT
    return DIGIT if probabilities.max() >= MIN_CONFIDENCE else UNSURE


def _predict(crops: list[np.ndarray], views: np.ndarray, model: Model) -> tuple[list[DigitPrediction], float]:
    """Return the predictions for (n, 28, 28) views, and the milliseconds they took."""
    start = time.perf_counter()
    probabilities, is_digit = model.predict_with_is_digit(views)
    milliseconds = 1000 * (time.perf_counter() - start)
    likelihoods = [None] * len(crops) if is_digit is None else is_digit.tolist()
    predictions = [
        DigitPrediction(digit_verdict(row, likelihood), crop, view, row, likelihood)
        for crop, view, row, likelihood in zip(crops, views, probabilities, likelihoods, strict=True)
    ]
    return predictions, milliseconds


def _score(prediction: DigitPrediction, components: list[segmentation.Component]) -> float:
    """Return the log likelihood that these components form one digit."""
    shared_widths = [segmentation.shared_width(one, other) for one, other in pairwise(components)]
    if prediction.is_digit is None:
        return -np.inf if any(width < MIN_SHARED_WIDTH for width in shared_widths) else -DIGIT_PENALTY
    likelihood = max(prediction.is_digit * prediction.confidence, MIN_LIKELIHOOD)
    gaps = sum(width <= 0 for width in shared_widths)
    return float(np.log(likelihood)) - DIGIT_PENALTY - GAP_PENALTY * gaps
