"""Disturbs digits as hands, pens, scanners and cameras do: moved, turned, resized, thicker or thinner, noisy."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from mnistdash.imaging.normalize import IMAGE_SIDE

INK = 255
MIDDLE = (IMAGE_SIDE - 1) / 2  # of an image, in pixels from its first
CHUNK = 64  # images that a pen's rims are drawn for at a time: what fits into a processor's cache


@dataclass(frozen=True)
class Perturbation:
    """What is done to a digit, in this order: the stroke, then size, turn and shift, then noise.

    Attributes:
        right, down: pixels by which it is shifted.
        turn: degrees clockwise about the image's middle.
        size: factor by which it becomes larger.
        stroke: pixels by which its strokes become thicker, thinner where negative.
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
    """One way to disturb, for sliders and curves.

    Attributes:
        key: the field of `Disturbance`.
        label: for people.
        doing: what it is called in a sentence.
        unit: written after a value; "%" for a share.
        low, high: the range.
        step: of a slider.
        stride: between the levels of a curve; some level is the neutral one.
        neutral: the value that changes nothing.
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
        """The levels of a curve, from the lowest to the highest."""
        return self.values(1 + round((self.high - self.low) / self.stride))

    def values(self, count: int) -> list[float]:
        """So many values from the lowest to the highest, equally far apart."""
        return [round(float(value), 6) for value in np.linspace(self.low, self.high, count)]

    def text(self, value: float) -> str:
        """A value with its sign and unit: "+2 px", "−30°", "35%"."""
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


def perturb(images: np.ndarray, disturbances: Perturbation | Sequence[Perturbation], seed: int = 0) -> np.ndarray:
    """Disturb digits.

    Args:
        images: (n, 28, 28) uint8, 255 = ink.
        disturbances: one for all images, or one for each; or m of them for a single image.
        seed: of the noise. Image k has the same pattern whatever its strength and however many follow.

    Returns:
        (n, 28, 28) uint8, or (m, 28, 28) for a single image. What is not disturbed comes back unchanged.

    Raises:
        ValueError: there are neither as many images as disturbances, nor one of either.
    """
    if isinstance(disturbances, Perturbation):
        disturbances = [disturbances]
    parameters = np.array([astuple(disturbance) for disturbance in disturbances], np.float32)
    count = len(images) if len(parameters) == 1 else len(parameters)
    if len(images) not in (1, count):
        raise ValueError(f"{len(images)} images and {len(parameters)} disturbances do not go together.")
    right, down, turn, size, stroke, noise = parameters.T
    made = images
    if stroke.any():
        made = _with_strokes(made.astype(np.float32), stroke)
    if right.any() or down.any() or turn.any() or (size != 1).any():
        made = _moved(made, right, down, turn, size)
    if noise.any():
        pattern = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
        made = made + INK * noise[:, None, None] * pattern
    made = np.broadcast_to(made, (count, IMAGE_SIDE, IMAGE_SIDE))
    return made.copy() if made.dtype == np.uint8 else np.clip(np.rint(made), 0, INK).astype(np.uint8)


def _moved(images: np.ndarray, right: np.ndarray, down: np.ndarray, turn: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Shift, turn and resize in one bilinear resampling.

    Args:
        images: (n, 28, 28).
        right, down, turn, size: (m,) float32; n and m are equal, or one of them is 1.

    Returns:
        (n, 28, 28) or (m, 28, 28) float32.
    """
    angle = np.deg2rad(turn)
    cosine, sine = (values[:, None] for values in (np.cos(angle) / size, np.sin(angle) / size))
    rows, columns = np.indices((IMAGE_SIDE, IMAGE_SIDE), np.float32).reshape(2, 1, -1) - np.float32(MIDDLE)
    x, y = columns - right[:, None], rows - down[:, None]
    # Where each pixel comes from; the image has one pixel of paper around it, two at its ends.
    from_x = np.clip(cosine * x + sine * y + MIDDLE, -1, IMAGE_SIDE) + 1
    from_y = np.clip(cosine * y - sine * x + MIDDLE, -1, IMAGE_SIDE) + 1
    column, row = from_x.astype(np.int32), from_y.astype(np.int32)
    part_x, part_y = from_x - column, from_y - row
    width = IMAGE_SIDE + 3
    flat = np.pad(images.astype(np.float32), ((0, 0), (1, 2), (1, 2))).reshape(len(images), width * width)
    image, place = np.arange(len(images))[:, None], row * width + column
    top = (1 - part_x) * flat[image, place] + part_x * flat[image, place + 1]
    bottom = (1 - part_x) * flat[image, place + width] + part_x * flat[image, place + width + 1]
    return ((1 - part_y) * top + part_y * bottom).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def _with_strokes(images: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Make strokes thicker or thinner.

    Args:
        images: (n, 28, 28) float32.
        amounts: (m,) float32 pixels; n and m are equal, or one of them is 1.

    Returns:
        (n, 28, 28) or (m, 28, 28) float32.
    """
    if len(amounts) == 1:
        return _grown(images, float(amounts[0]) / 2)
    made = np.empty((len(amounts), IMAGE_SIDE, IMAGE_SIDE), np.float32)
    for amount in np.unique(amounts):
        chosen = amounts == amount
        made[chosen] = _grown(images if len(images) == 1 else images[chosen], float(amount) / 2)
    return made


def _grown(images: np.ndarray, radius: float) -> np.ndarray:
    """Move all edges outwards by so many pixels, inwards where negative: a grey dilation or erosion.

    Its disc has any radius, as the images are interpolated between their pixels. Edges keep their smoothness,
    and a straight one moves by exactly the radius.
    """
    if radius == 0:
        return images
    pick = np.maximum if radius > 0 else np.minimum
    rim = _rim(abs(radius))
    reach = int(np.ceil(abs(radius))) + 1
    made = images.copy()
    for start in range(0, len(images), CHUNK):
        into = made[start : start + CHUNK]
        padded = np.pad(into, ((0, 0), (reach, reach), (reach, reach)))
        for dy, across in rim.items():
            lines = _between(padded, reach + dy, axis=1)
            for dx in across:
                pick(into, _between(lines, reach + dx, axis=2), out=into)
    return made


def _rim(radius: float) -> dict[float, list[float]]:
    """Points of a disc: 16 at its rim, 8 half-way; for each y offset the x offsets, in pixels."""
    offsets: dict[float, list[float]] = {}
    for distance, count in ((radius, 16), (radius / 2, 8)):
        for angle in 2 * np.pi * np.arange(count) / count:
            dy, dx = (round(float(distance * part), 4) for part in (np.sin(angle), np.cos(angle)))
            offsets.setdefault(dy, []).append(dx)
    return offsets


def _between(values: np.ndarray, start: float, axis: int) -> np.ndarray:
    """SIZE values along an axis from a place that may lie between two."""
    first = int(np.floor(start))
    part = np.float32(start - first)
    chosen = [slice(None)] * 3
    chosen[axis] = slice(first, first + IMAGE_SIDE)
    near = values[tuple(chosen)]
    if part == 0:
        return near
    chosen[axis] = slice(first + 1, first + 1 + IMAGE_SIDE)
    return near + part * (values[tuple(chosen)] - near)
