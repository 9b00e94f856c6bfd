"""Perturbations of digits like those of pens, hands, scanners and cameras: shift, turn, size, stroke, noise."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from mnistdash.imaging.normalize import IMAGE_SIDE

INK = 255
CENTER = (IMAGE_SIDE - 1) / 2  # of an image, in pixels
CHUNK = 64  # images whose strokes change at a time; they fit into the processor's cache
ANGLES = 2 * np.pi * np.arange(16) / 16
CIRCLE = np.column_stack((np.sin(ANGLES), np.cos(ANGLES)))
DISC = np.concatenate((CIRCLE, CIRCLE[::2] / 2))  # y and x of points of a disc: 16 at the radius 1 and 8 halfway


@dataclass(frozen=True)
class Perturbation:
    """Changes to a digit, applied in this order: stroke, then size, turn and shift, then noise.

    Attributes:
        right, down: shift in pixels.
        turn: degrees clockwise about the image's center.
        size: scale factor.
        stroke: pixels by which strokes become thicker; negative: thinner.
        noise: standard deviation of Gaussian noise, as a share of full ink.
    """

    right: float = 0.0
    down: float = 0.0
    turn: float = 0.0
    size: float = 1.0
    stroke: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class PerturbationKind:
    """One kind of perturbation, for sliders and curves.

    Attributes:
        key: the field of `Perturbation`.
        label: its name in the interface.
        doing: its name inside a sentence.
        unit: written after a value; "%" for a share.
        low, high: the range.
        step: of a slider.
        stride: between the levels of a curve, one of which is neutral.
        neutral: the value without effect.
    """

    key: str
    label: str
    doing: str
    unit: str
    low: float
    high: float
    step: float
    stride: float
    neutral: float = 0.0

    @property
    def levels(self) -> list[float]:
        """The levels of a curve, ascending."""
        return self.values(1 + round((self.high - self.low) / self.stride))

    def values(self, count: int) -> list[float]:
        """Return `count` evenly spaced values over the range."""
        return [round(float(value), 6) for value in np.linspace(self.low, self.high, count)]

    def text(self, value: float) -> str:
        """Format a value with its sign and unit: "+2 px", "−30°", "35%"."""
        value = 100 * value if self.unit == "%" else value
        sign = "−" if value < 0 else "+" if value > 0 and self.low < 0 else ""
        return f"{sign}{abs(round(value, 2 if self.unit == '×' else 1)):g}{self.unit}"


KINDS = {
    kind.key: kind
    for kind in (
        PerturbationKind("right", "Shift right", "shifting sideways", " px", -8.0, 8.0, 1.0, 2.0),
        PerturbationKind("down", "Shift down", "shifting up and down", " px", -8.0, 8.0, 1.0, 2.0),
        PerturbationKind("turn", "Turn clockwise", "turning", "°", -60.0, 60.0, 5.0, 15.0),
        PerturbationKind("size", "Size", "resizing", "×", 0.5, 1.5, 0.05, 0.125, neutral=1.0),
        PerturbationKind("stroke", "Stroke", "thinner and thicker strokes", " px", -1.5, 3.0, 0.25, 0.5),
        PerturbationKind("noise", "Noise", "noise", "%", 0.0, 0.4, 0.02, 0.05),
    )
}


def perturb(images: np.ndarray, perturbations: Perturbation | Sequence[Perturbation], seed: int = 0) -> np.ndarray:
    """Perturb digits.

    Args:
        images: (n, 28, 28) uint8, 255 = ink.
        perturbations: one for all images, or one for each; or m of them for a single image.
        seed: of the noise. Image k gets the same pattern at every strength, however many images follow.

    Returns:
        A new (n, 28, 28) uint8 array, or (m, 28, 28) for a single image. Neutral perturbations change nothing.

    Raises:
        ValueError: the numbers of images and perturbations differ, and neither is 1.
    """
    if isinstance(perturbations, Perturbation):
        perturbations = [perturbations]
    parameters = np.array([astuple(perturbation) for perturbation in perturbations], np.float32)
    count = len(images) if len(parameters) == 1 else len(parameters)
    if len(images) not in (1, count):
        raise ValueError(f"{len(images)} images and {len(parameters)} perturbations do not match.")
    right, down, turn, size, stroke, noise = parameters.T
    perturbed = images
    if stroke.any():
        perturbed = _change_strokes(perturbed.astype(np.float32), stroke)
    if right.any() or down.any() or turn.any() or (size != 1).any():
        perturbed = _transform(perturbed, right, down, turn, size)
    if noise.any():
        pattern = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
        perturbed = perturbed + INK * noise[:, None, None] * pattern
    perturbed = np.broadcast_to(perturbed, (count, IMAGE_SIDE, IMAGE_SIDE))
    if perturbed.dtype == np.uint8:
        return perturbed.copy()
    return np.asarray(np.clip(np.rint(perturbed), 0, INK), np.uint8)


def _transform(
    images: np.ndarray, right: np.ndarray, down: np.ndarray, turn: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Shift, turn and scale in one bilinear resampling.

    Args:
        images: (n, 28, 28).
        right, down, turn, size: (m,) float32; n and m are equal, or one of them is 1.

    Returns:
        (n, 28, 28) or (m, 28, 28) float32.
    """
    angle = np.deg2rad(turn)
    cosine, sine = (values[:, None] for values in (np.cos(angle) / size, np.sin(angle) / size))
    rows, columns = np.indices((IMAGE_SIDE, IMAGE_SIDE), np.float32).reshape(2, 1, -1) - np.float32(CENTER)
    x, y = columns - right[:, None], rows - down[:, None]
    # The source of each pixel, in an image with a margin of one blank pixel, two at the far ends.
    source_x = np.clip(cosine * x + sine * y + CENTER, -1, IMAGE_SIDE) + 1
    source_y = np.clip(cosine * y - sine * x + CENTER, -1, IMAGE_SIDE) + 1
    column, row = source_x.astype(np.int32), source_y.astype(np.int32)
    weight_x, weight_y = source_x - column, source_y - row
    width = IMAGE_SIDE + 3
    flat = np.pad(images.astype(np.float32), ((0, 0), (1, 2), (1, 2))).reshape(len(images), width * width)
    image, index = np.arange(len(images))[:, None], row * width + column
    top = (1 - weight_x) * flat[image, index] + weight_x * flat[image, index + 1]
    bottom = (1 - weight_x) * flat[image, index + width] + weight_x * flat[image, index + width + 1]
    return np.asarray(((1 - weight_y) * top + weight_y * bottom).reshape(-1, IMAGE_SIDE, IMAGE_SIDE))


def _change_strokes(images: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Make strokes thicker or thinner.

    Args:
        images: (n, 28, 28) float32.
        amounts: (m,) float32 pixels; n and m are equal, or one of them is 1.

    Returns:
        (n, 28, 28) or (m, 28, 28) float32.
    """
    if len(amounts) == 1:
        return _dilate(images, float(amounts[0]) / 2)
    changed = np.empty((len(amounts), IMAGE_SIDE, IMAGE_SIDE), np.float32)
    for amount in np.unique(amounts):
        chosen = amounts == amount
        changed[chosen] = _dilate(images if len(images) == 1 else images[chosen], float(amount) / 2)
    return changed


def _dilate(images: np.ndarray, radius: float) -> np.ndarray:
    """Grayscale dilation by a disc, or erosion if the radius is negative.

    Images are interpolated between pixels, so the radius need not be whole: edges stay smooth, and a straight
    edge moves by exactly the radius.
    """
    if radius == 0:
        return images
    pick = np.maximum if radius > 0 else np.minimum
    margin = int(np.ceil(abs(radius))) + 1
    dilated = images.copy()
    for start in range(0, len(images), CHUNK):
        chunk = dilated[start : start + CHUNK]
        padded = np.pad(chunk, ((0, 0), (margin, margin), (margin, margin)))
        for y, x in margin + abs(radius) * DISC:
            pick(chunk, _interpolate(_interpolate(padded, y, axis=1), x, axis=2), out=chunk)
    return dilated


def _interpolate(values: np.ndarray, start: float, axis: int) -> np.ndarray:
    """Return IMAGE_SIDE values along an axis, from a fractional index on."""
    first = int(np.floor(start))
    weight = np.float32(start - first)
    window = [slice(None)] * 3
    window[axis] = slice(first, first + IMAGE_SIDE)
    near = values[tuple(window)]
    if weight == 0:
        return near
    window[axis] = slice(first + 1, first + 1 + IMAGE_SIDE)
    return np.asarray(near + weight * (values[tuple(window)] - near))
