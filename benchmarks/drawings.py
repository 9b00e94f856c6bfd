"""Measure accuracy on real pen strokes, drawn as on the Draw page's canvas.

    python benchmarks/drawings.py --strokes FOLDER [--models FOLDER] [--count N]

FOLDER holds pendigits_train.npz: the UCI data set "Pen-Based Recognition of Handwritten Digits" (E. Alpaydin,
F. Alimoglu, 1998) as strokes, with the position and size of each drawing. For every model this prints

- accuracy in total, per digit and per writer, with three pens and three kinds of preprocessing;
- for a model that rejects non-digits: the share of non-digits that it rejects at a threshold that rejects 1% of the
  drawings, and its verdicts at the default thresholds;
- accuracy on whole numbers of two to five drawings;
- the expected calibration error on MNIST's validation and test splits, if MNIST is available.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import strangers

from mnistdash.data.dataset import Dataset, Split
from mnistdash.data.mnist import load_mnist
from mnistdash.evaluation import metrics
from mnistdash.exceptions import DataError
from mnistdash.imaging import normalize
from mnistdash.inference import recognize
from mnistdash.inference.model import Model, load_model
from mnistdash.runs import store
from mnistdash.settings import Settings
from mnistdash.synthesis import non_digits

SIDE = 280  # pixels of the canvas on Draw
PENS = (10, 20, 30)  # pixels
PEN = 20  # default on Draw
OVERSAMPLING = 4  # downscaling smooths edges as in a browser
REJECTED_SHARE = 0.01  # share of drawings that sets the threshold
NON_DIGITS = 2_000
NUMBERS = 1_000  # numbers per length
LENGTHS = (2, 3, 4, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=Path, required=True, help="folder with pendigits_train.npz")
    parser.add_argument("--models", type=Path, default=Settings.from_environment().models)
    parser.add_argument("--count", type=int, help="number of drawings, chosen at random")
    options = parser.parse_args()
    strokes = np.load(options.strokes / "pendigits_train.npz", allow_pickle=False)
    chosen = np.random.default_rng(0).permutation(len(strokes["labels"]))[: options.count]
    labels, writers = strokes["labels"][chosen], strokes["writer"][chosen]
    models = [(load_model(run.name, options.models), run.card) for run in store.list_models(options.models)]
    mnist = mnist_or_none()
    print(f"{len(chosen):,} drawings by {len(np.unique(writers))} writers")
    drawings = {pen: [draw(strokes, index, pen) for index in chosen] for pen in PENS}
    images = {
        (name, pen): np.stack([preprocess(canvas) for canvas in drawings[pen]])
        for name, preprocess in PREPROCESSING.items()
        for pen in PENS
    }
    for model, card in models:
        print(f"\n## {model.name}")
        correct = {column: model(inputs).argmax(1) == labels for column, inputs in images.items()}
        print_accuracy(correct, labels, writers)
        if model.predict_with_is_digit(images["ours", PEN][:1])[1] is not None and mnist is not None:
            print_rejections(model, images["ours", PEN], mnist.validation)
        print_numbers(model, drawings[PEN], labels)
        if mnist is not None:
            for name in ("validation", "test"):
                error = metrics.evaluate(model, mnist.split(name)).calibration_error
                seen = ", used in training" if name == "validation" and card.validation_seen else ""
                print(f"\nExpected calibration error on MNIST's {name} split{seen}: {100 * error:.2f} points")


def mnist_or_none() -> Dataset | None:
    try:
        return load_mnist(Settings.from_environment())
    except DataError:
        return None


def print_accuracy(correct: dict[tuple[str, int], np.ndarray], labels: np.ndarray, writers: np.ndarray) -> None:
    """Print a row for all drawings, each digit and each writer, with a column per preprocessing and pen."""
    print("\n| accuracy | " + " | ".join(f"{name}, {pen} px" for name, pen in correct) + " |")
    print("|---" * (len(correct) + 1) + "|")
    groups = {"**all**": np.ones(len(labels), bool)}
    groups |= {f"digit {digit}": labels == digit for digit in range(10)}
    by_writer = {f"writer {writer}": writers == writer for writer in np.unique(writers)}
    for name, is_member in (groups | by_writer).items():
        print(f"| {name} | " + " | ".join(f"{hits[is_member].mean():.2%}" for hits in correct.values()) + " |")
    worst = [min(by_writer, key=lambda name: hits[by_writer[name]].mean()) for hits in correct.values()]
    print("| worst writer | " + " | ".join(name.removeprefix("writer ") for name in worst) + " |")


def print_rejections(model: Model, digits: np.ndarray, validation: Split) -> None:
    """Print the share of non-digits that the model rejects."""
    kinds: dict[str, list[np.ndarray]] = {
        "as in training, other seed": list(non_digits.make_non_digits(validation, NON_DIGITS, 99))
    }
    for kind, picture in strangers.draw_unseen_non_digits(NON_DIGITS, 99):
        kinds.setdefault(kind, []).append(np.round(255 * normalize.to_mnist(picture)).astype(np.uint8))
    probabilities, is_digit = model.predict_with_is_digit(digits)
    threshold = np.quantile(is_digit, REJECTED_SHARE)
    print(f"\n| non-digits | rejected, with {REJECTED_SHARE:.0%} of the drawings | confident digit as shipped |")
    print("|---|---|---|")
    for kind, pictures in kinds.items():
        kind_probabilities, kind_is_digit = model.predict_with_is_digit(np.stack(pictures))
        accepted = (kind_is_digit >= recognize.MIN_IS_DIGIT) & (kind_probabilities.max(1) >= recognize.MIN_CONFIDENCE)
        print(f"| {kind} ({len(pictures):,}) | {(kind_is_digit <= threshold).mean():.1%} | {accepted.mean():.1%} |")
    rejected = is_digit < recognize.MIN_IS_DIGIT
    unsure = ~rejected & (probabilities.max(1) < recognize.MIN_CONFIDENCE)
    print(
        f"\nOf the drawings, {rejected.mean():.2%} are rejected and {unsure.mean():.2%} unsure, at shipped thresholds."
    )


def print_numbers(model: Model, drawings: list[np.ndarray], labels: np.ndarray) -> None:
    """Print the accuracy on whole numbers, and that on single digits to the power of the length."""
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, len(drawings), NUMBERS)
    answers = [recognize.recognize(drawings[k], model) for k in chosen]
    single = np.mean([answer.number == str(labels[k]) for k, answer in zip(chosen, answers, strict=True)])
    split = sum(len(answer.digits) != 1 for answer in answers)
    print(f"\nSingle drawings, as on the page: {single:.2%}; {split} of {NUMBERS:,} split into several digits.")
    print("\n| digits | accuracy on whole numbers | goal: single accuracy ^ length - 2 points | length is correct |")
    print("|---|---|---|---|")
    for length in LENGTHS:
        picks = rng.integers(0, len(drawings), (NUMBERS, length))
        answers = [recognize.recognize(compose([drawings[k] for k in pick], rng), model) for pick in picks]
        correct = np.mean(["".join(map(str, labels[pick])) == a.number for pick, a in zip(picks, answers, strict=True)])
        counted = np.mean([len(answer.digits) == length for answer in answers])
        print(f"| {length} | {correct:.1%} | {single**length - 0.02:.1%} | {counted:.1%} |", flush=True)


def compose(drawings: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return drawings side by side with gaps and uneven baselines, (height, width) uint8."""
    parts = [normalize.crop(drawing) for drawing in drawings]
    gaps = rng.integers(8, 50, len(parts))
    height = SIDE + 40
    sheet = np.zeros((height, sum(part.shape[1] for part in parts) + gaps.sum() + 20), np.uint8)
    left = 20
    for part, gap in zip(parts, gaps, strict=True):
        top = int(np.clip((height - part.shape[0]) // 2 + rng.integers(-15, 16), 0, height - part.shape[0]))
        sheet[top : top + part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1] + gap
    return sheet


def draw(strokes: dict[str, np.ndarray], index: int, pen: int) -> np.ndarray:
    """Return a digit drawn with a round pen, white on black, (SIDE, SIDE) uint8."""
    part = slice(*strokes["offsets"][index : index + 2])
    points, stroke_of = strokes["points"][part], strokes["stroke_id"][part]
    low, high = points.min(0), points.max(0)
    scale = strokes["frac"][index] * SIDE / max(float((high - low).max()), 1e-9)
    center = SIDE * (0.5 + np.array([strokes["dx"][index], strokes["dy"][index]]))
    points = OVERSAMPLING * ((points - (low + high) / 2) * scale + center)
    image = Image.new("L", (OVERSAMPLING * SIDE, OVERSAMPLING * SIDE))
    pencil = ImageDraw.Draw(image)
    radius = OVERSAMPLING * pen / 2
    for stroke in np.split(points, np.flatnonzero(np.diff(stroke_of)) + 1):
        pencil.line([tuple(point) for point in stroke], fill=255, width=OVERSAMPLING * pen)
        for x, y in stroke:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(image.reduce(OVERSAMPLING))


def whole_canvas(canvas: np.ndarray) -> np.ndarray:
    """Average the whole canvas to 28x28 pixels, as most demos do."""
    return np.asarray(Image.fromarray(canvas).resize((28, 28), Image.Resampling.BOX), np.float32) / 255


def box_centered(canvas: np.ndarray) -> np.ndarray:
    """Crop, fit into 20x20 pixels and center the bounding box, as better demos do."""
    digit = normalize.crop(canvas)
    scale = 20 / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    fitted = np.asarray(Image.fromarray(digit).resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
    image = np.zeros((28, 28), np.float32)
    top, left = (28 - height) // 2, (28 - width) // 2
    image[top : top + height, left : left + width] = fitted
    return image


PREPROCESSING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "whole canvas": whole_canvas,
    "box-centered": box_centered,
    "ours": normalize.to_mnist,
}


if __name__ == "__main__":
    main()
