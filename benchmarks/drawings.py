"""How well drawings are read: real pen strokes, drawn as on the Draw page's canvas.

    python benchmarks/drawings.py --strokes FOLDER [--models FOLDER] [--count N]

FOLDER holds pendigits_train.npz: the UCI data set "Pen-Based Recognition of Handwritten Digits" (E. Alpaydin,
F. Alimoglu, 1998) as strokes, with where and how large each digit is drawn. For every model, three pens and three ways
from the canvas to the network, it prints the share read right: in total, for the worst digit and for the worst writer.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mnistdash import inference, preprocess, runs
from mnistdash.settings import Settings

SIDE = 280  # pixels, of the canvas on the Draw page
PENS = (10, 20, 30)  # pixels; 20 is that page's default
FINER = 4  # drawn this much larger, then averaged down, as a browser smooths its lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=Path, required=True, help="folder with pendigits_train.npz")
    parser.add_argument("--models", type=Path, default=Settings.from_environment().models)
    parser.add_argument("--count", type=int, help="draw this many only, chosen at random")
    options = parser.parse_args()
    strokes = np.load(options.strokes / "pendigits_train.npz", allow_pickle=False)
    chosen = np.random.default_rng(0).permutation(len(strokes["labels"]))[: options.count]
    labels, writers = strokes["labels"][chosen], strokes["writer"][chosen]
    models = [inference.load(run.name, options.models) for run in runs.list_models(options.models)]
    print(f"{len(chosen):,} drawings by {len(np.unique(writers))} writers\n")
    print("| model | way to the network | pen | read right | worst digit | worst writer |")
    print("|---|---|---|---|---|---|")
    for pen in PENS:
        canvases = [draw(strokes, index, pen) for index in chosen]
        for way, prepare in WAYS.items():
            views = np.stack([prepare(canvas) for canvas in canvases])
            for model in models:
                right = model(views).argmax(1) == labels
                worst = (f"{who} ({share:.1%})" for who, share in (lowest(right, labels), lowest(right, writers)))
                print(f"| {model.name} | {way} | {pen} px | {right.mean():.2%} | {' | '.join(worst)} |", flush=True)


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
    ink = preprocess.crop(canvas)
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
    "ours": preprocess.to_mnist,
}


def lowest(right: np.ndarray, groups: np.ndarray) -> tuple[int, float]:
    """The group with the lowest share, and that share."""
    shares = {int(group): float(right[groups == group].mean()) for group in np.unique(groups)}
    return min(shares.items(), key=lambda item: item[1])


if __name__ == "__main__":
    main()
