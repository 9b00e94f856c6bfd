"""The command line: `python -m mnistdash COMMAND`. Exits with 0 if done, 1 if failed, 2 for wrong usage."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from mnistdash.cli.commands import data, doctor, evaluate, export, models, predict, recipes, restore, upgrade
from mnistdash.cli.train import train
from mnistdash.data.dataset import SPLITS
from mnistdash.exceptions import MnistdashError
from mnistdash.runs.config import PRECISIONS
from mnistdash.runs.recipes import OPTIMIZERS, RECIPES
from mnistdash.runs.schedules import SCHEDULES
from mnistdash.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    logging.basicConfig(format="mnistdash: %(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up temporary files
    try:
        return options.command(options, Settings.from_environment()) or 0
    except MnistdashError as error:
        print(f"mnistdash: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mnistdash", description="Train, evaluate and use networks that recognize handwritten digits."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(command: Callable[..., int | None]) -> argparse.ArgumentParser:
        text = command.__doc__ or ""
        sub = commands.add_parser(command.__name__, help=text.rstrip("."), description=text)
        sub.set_defaults(command=command)
        return sub

    add(data)
    add(recipes)
    add(doctor)
    _add_train_options(add(train))

    add(models).add_argument("--json", action="store_true", help="print a JSON list")

    sub = add(evaluate)
    sub.add_argument("--model", required=True, metavar="M", help="name of a model")
    sub.add_argument("--split", choices=SPLITS, required=True, help="images to evaluate on")
    sub.add_argument("--json", action="store_true", help="print a JSON object")

    sub = add(predict)
    sub.add_argument("--model", default="flagship", metavar="M", help="name of a model (default: flagship)")
    sub.add_argument("--json", action="store_true", help="print a JSON object per line")
    sub.add_argument("images", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER", help="image, or folder of images")

    sub = add(export)
    sub.add_argument("--model", required=True, metavar="M", help="name of a model")
    formats = ("keras", "tflite", "savedmodel", "zip")
    sub.add_argument("--format", choices=formats, required=True, help="model format, or zip for the whole run")
    sub.add_argument("out", type=Path, metavar="OUT", help="file to write; a folder for savedmodel")

    add(upgrade).add_argument("--model", required=True, metavar="M", help="name of a model")

    sub = add(restore)
    sub.add_argument("--name", metavar="RUN", help="name of the run (default: its previous one, numbered if taken)")
    sub.add_argument("zip", type=Path, metavar="ZIP", help="downloaded or exported run")
    return parser


def _add_train_options(sub: argparse.ArgumentParser) -> None:
    which = sub.add_mutually_exclusive_group(required=True)
    which.add_argument("--recipe", choices=RECIPES, help="start a new run with this recipe")
    which.add_argument(
        "--continue", dest="start", metavar="RUN", help="start from RUN's best weights, with its settings as defaults"
    )
    switch = argparse.BooleanOptionalAction
    sub.add_argument("--epochs", type=int, metavar="N", help="passes over the training images")
    sub.add_argument("--batch-size", type=int, metavar="N", help="images per step")
    sub.add_argument(
        "--learning-rate", type=float, metavar="X", help="peak value (default: the recipe's, or half of RUN's)"
    )
    sub.add_argument("--schedule", choices=SCHEDULES, help="learning rate schedule (default: the recipe's)")
    sub.add_argument("--optimizer", choices=OPTIMIZERS, help="optimizer (default: the recipe's)")
    sub.add_argument("--dropout", type=float, metavar="X", help="share of activations set to 0 (default: the recipe's)")
    sub.add_argument("--augmentation", action=switch, help="transform training images (default: the recipe's)")
    sub.add_argument(
        "--train-on-validation",
        dest="trains_on_validation",
        action=switch,
        help="also train on the validation images (default: the recipe's)",
    )
    sub.add_argument(
        "--seed", type=int, metavar="N", help="the same seed reproduces a run (default: 0, or RUN's plus 1)"
    )
    sub.add_argument("--limit", type=int, metavar="N", help="train on this many images only")
    sub.add_argument("--name", metavar="RUN", help="folder in models/ (default: the recipe and a number)")
    sub.add_argument("--precision", choices=PRECISIONS, help="auto picks the faster one (default: float32)")
    sub.add_argument(
        "--tensorboard", action="store_true", default=None, help="write TensorBoard logs to the run's folder"
    )
