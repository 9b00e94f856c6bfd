"""How well drawings are read: real pen strokes, drawn as on the Draw page's canvas.

    python benchmarks/drawings.py --strokes FOLDER [--models FOLDER] [--count N]

FOLDER holds pendigits_train.npz: the UCI data set "Pen-Based Recognition of Handwritten Digits" (E. Alpaydin,
F. Alimoglu, 1998) as strokes, with where and how large each digit is drawn. For every model it prints

- the share read right, in total, for each digit and for each writer, with three pens and three ways from the canvas
  to the network;
- for a model that can refuse: how many pictures of what is no digit it refuses when 1 % of the drawings are refused,
  and what verdicts it gives as it is;
- how often numbers of two to five drawings are read right as a whole;
- with MNIST at hand, the expected calibration error on validation and test.
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
from mnistdash.data.mnist import load_mnist as load_mnist
from mnistdash.evaluation import metrics
from mnistdash.exceptions import DataError
from mnistdash.imaging import normalize
from mnistdash.inference import recognize
from mnistdash.inference.model import Model, load_model
from mnistdash.runs import store
from mnistdash.settings import Settings
from mnistdash.synthesis import non_digits

SIDE = 280  # pixels, of the canvas on the Draw page
PENS = (10, 20, 30)  # pixels; 20 is that page's default
PEN = 20
FINER = 4  # drawn this much larger, then averaged down, as a browser smooths its lines
REFUSED = 0.01  # share of drawn digits
STRANGERS = 2_000  # pictures of what is no digit
NUMBERS = 1_000  # of each length
LENGTHS = (2, 3, 4, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=Path, required=True, help="folder with pendigits_train.npz")
    parser.add_argument("--models", type=Path, default=Settings.from_environment().models)
    parser.add_argument("--count", type=int, help="draw this many only, chosen at random")
    options = parser.parse_args()
    strokes = np.load(options.strokes / "pendigits_train.npz", allow_pickle=False)
    chosen = np.random.default_rng(0).permutation(len(strokes["labels"]))[: options.count]
    labels, writers = strokes["labels"][chosen], strokes["writer"][chosen]
    models = [(load_model(run.name, options.models), run.card) for run in store.list_models(options.models)]
    mnist = mnist_or_none()
    print(f"{len(chosen):,} drawings by {len(np.unique(writers))} writers")
    drawings = {pen: [draw(strokes, index, pen) for index in chosen] for pen in PENS}
    views = {
        (name, pen): np.stack([prepare(canvas) for canvas in drawings[pen]])
        for name, prepare in WAYS.items()
        for pen in PENS
    }
    for model, card in models:
        print(f"\n## {model.name}")
        right = {column: model(images).argmax(1) == labels for column, images in views.items()}
        print_shares(right, labels, writers)
        if model.predict_with_is_digit(views["ours", PEN][:1])[1] is not None and mnist is not None:
            print_refusals(model, views["ours", PEN], mnist.validation)
        print_numbers(model, drawings[PEN], labels)
        if mnist is not None:
            for name in ("validation", "test"):
                error = metrics.evaluate(model, mnist.split(name)).calibration_error
                seen = ", which it was trained on" if name == "validation" and card.validation_seen else ""
                print(f"\nexpected calibration error on MNIST's {name} split{seen}: {100 * error:.2f} points")


def mnist_or_none() -> Dataset | None:
    try:
        return load_mnist(Settings.from_environment())
    except DataError:
        return None


def print_shares(right: dict[tuple[str, int], np.ndarray], labels: np.ndarray, writers: np.ndarray) -> None:
    """One row for all, for each digit and for each writer; one column for each way and pen."""
    print("\n| read right | " + " | ".join(f"{way}, {pen} px" for way, pen in right) + " |")
    print("|---" * (len(right) + 1) + "|")
    groups = {"**all**": np.ones(len(labels), bool)}
    groups |= {f"digit {digit}": labels == digit for digit in range(10)}
    by_writer = {f"writer {writer}": writers == writer for writer in np.unique(writers)}
    for name, members in (groups | by_writer).items():
        print(f"| {name} | " + " | ".join(f"{hits[members].mean():.2%}" for hits in right.values()) + " |")
    worst = [min(by_writer, key=lambda name: hits[by_writer[name]].mean()) for hits in right.values()]
    print("| worst writer | " + " | ".join(name.removeprefix("writer ") for name in worst) + " |")


def print_refusals(model: Model, digits: np.ndarray, validation: Split) -> None:
    """How many pictures of what is no digit are refused."""
    kinds: dict[str, list[np.ndarray]] = {
        "as in training, other draws": list(non_digits.make_non_digits(validation, STRANGERS, 99))
    }
    for kind, picture in strangers.draw(STRANGERS, 99):
        kinds.setdefault(kind, []).append(np.round(255 * normalize.to_mnist(picture)).astype(np.uint8))
    shares, likeness = model.predict_with_is_digit(digits)
    threshold = np.quantile(likeness, REFUSED)
    print(f"\n| held-back pictures | refused with {REFUSED:.0%} of the drawings | taken for a sure digit as shipped |")
    print("|---|---|---|")
    for kind, pictures in kinds.items():
        their_shares, their_likeness = model.predict_with_is_digit(np.stack(pictures))
        sure = (their_likeness >= recognize.MIN_IS_DIGIT) & (their_shares.max(1) >= recognize.MIN_CONFIDENCE)
        print(f"| {kind} ({len(pictures):,}) | {(their_likeness <= threshold).mean():.1%} | {sure.mean():.1%} |")
    refused = likeness < recognize.MIN_IS_DIGIT
    unsure = ~refused & (shares.max(1) < recognize.MIN_CONFIDENCE)
    print(f"\nOf the drawings, {refused.mean():.2%} are called no digit and {unsure.mean():.2%} unsure, as shipped.")


def print_numbers(model: Model, drawings: list[np.ndarray], labels: np.ndarray) -> None:
    """Whole numbers read right, against the single-digit rate to the power of their length."""
    random = np.random.default_rng(1)
    chosen = random.integers(0, len(drawings), NUMBERS)
    answers = [recognize.recognize(drawings[k], model) for k in chosen]
    single = np.mean([answer.number == str(labels[k]) for k, answer in zip(chosen, answers, strict=True)])
    split = sum(len(answer.digits) != 1 for answer in answers)
    print(f"\nSingle drawings, read as the page does: {single:.2%}; {split} of {NUMBERS:,} taken for several digits.")
    print("\n| digits | whole numbers read right | asked: single rate ^ length - 2 points | as many digits found |")
    print("|---|---|---|---|")
    for length in LENGTHS:
        picks = random.integers(0, len(drawings), (NUMBERS, length))
        answers = [recognize.recognize(compose([drawings[k] for k in pick], random), model) for pick in picks]
        right = np.mean(["".join(map(str, labels[pick])) == a.number for pick, a in zip(picks, answers, strict=True)])
        counted = np.mean([len(answer.digits) == length for answer in answers])
        print(f"| {length} | {right:.1%} | {single**length - 0.02:.1%} | {counted:.1%} |", flush=True)


def compose(drawings: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Drawings side by side, apart from one another, not quite on one line: (height, width) uint8."""
    parts = [normalize.crop(drawing) for drawing in drawings]
    gaps = random.integers(8, 50, len(parts))
    height = SIDE + 40
    sheet = np.zeros((height, sum(part.shape[1] for part in parts) + gaps.sum() + 20), np.uint8)
    left = 20
    for part, gap in zip(parts, gaps, strict=True):
        top = int(np.clip((height - part.shape[0]) // 2 + random.integers(-15, 16), 0, height - part.shape[0]))
        sheet[top : top + part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1] + gap
    return sheet


def draw(strokes: dict[str, np.ndarray], index: int, pen: int) -> np.ndarray:
    """Draw one digit with a round pen, white on black: (SIDE, SIDE) uint8."""
    part = slice(*strokes["offsets"][index : index + 2])
    points, stroke_of = strokes["points"][part], strokes["stroke_id"][part]
    low, high = points.min(0), points.max(0)
    scale = strokes["frac"][index] * SIDE / max(float((high - low).max()), 1e-9)
    middle = SIDE * (0.5 + np.array([strokes["dx"][index], strokes["dy"][index]]))
    points = FINER * ((points - (low + high) / 2) * scale + middle)
    image = Image.new("L", (FINER * SIDE, FINER * SIDE))
    pencil = ImageDraw.Draw(image)
    radius = FINER * pen / 2
    for stroke in np.split(points, np.flatnonzero(np.diff(stroke_of)) + 1):
        pencil.line([tuple(point) for point in stroke], fill=255, width=FINER * pen)
        for x, y in stroke:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(image.reduce(FINER))


def whole_canvas(canvas: np.ndarray) -> np.ndarray:
    """What most demos do: average the whole canvas down to 28x28."""
    return np.asarray(Image.fromarray(canvas).resize((28, 28), Image.Resampling.BOX), np.float32) / 255


def box_centred(canvas: np.ndarray) -> np.ndarray:
    """What better demos do: crop, fit into 20x20, and put the middle of the box in the middle."""
    ink = normalize.crop(canvas)
    scale = 20 / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    fitted = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
    view = np.zeros((28, 28), np.float32)
    top, left = (28 - height) // 2, (28 - width) // 2
    view[top : top + height, left : left + width] = fitted
    return view


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "whole canvas": whole_canvas,
    "box-centred": box_centred,
    "ours": normalize.to_mnist,
}


if __name__ == "__main__":
    main()
