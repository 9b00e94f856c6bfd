"""The command line: `python -m mnistdash COMMAND`. Exit 0 done, 1 failed with one clear line, 2 wrong usage."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from mnistdash.cli.commands import (
    data,
    doctor,
    evaluate,
    export,
    models,
    predict,
    recipes,
    restore,
    upgrade,
)
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary files are cleaned up
    try:
        return options.command(options, Settings.from_environment()) or 0
    except MnistdashError as error:
        print(f"mnistdash: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mnistdash", description="MNIST from the command line.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(command: Callable) -> argparse.ArgumentParser:
        sub = commands.add_parser(command.__name__, help=command.__doc__, description=f"{command.__doc__}.")
        sub.set_defaults(command=command)
        return sub

    add(data)
    add(recipes)
    add(doctor)

    sub = add(train)
    which = sub.add_mutually_exclusive_group(required=True)
    which.add_argument("--recipe", choices=RECIPES)
    which.add_argument(
        "--continue",
        dest="start",
        metavar="RUN",
        help="begin with its best weights, and its settings but for those given",
    )
    # For the dashboard alone:
    which.add_argument("--supervised", metavar="RUN", help=argparse.SUPPRESS)
    which.add_argument("--stand-by", action="store_true", help=argparse.SUPPRESS)
    sub.add_argument("--epochs", type=int, metavar="N", help="passes over the training images")
    sub.add_argument("--batch-size", type=int, metavar="N", help="images per step")
    sub.add_argument(
        "--learning-rate", type=float, metavar="X", help="its peak (default: the recipe's, or half of RUN's)"
    )
    sub.add_argument("--schedule", choices=SCHEDULES, help="of the learning rate (default: the recipe's)")
    sub.add_argument("--optimizer", choices=OPTIMIZERS, help="default: the recipe's")
    sub.add_argument("--dropout", type=float, metavar="X", help="share of activations set to 0 (default: the recipe's)")
    sub.add_argument(
        "--augmentation",
        action=argparse.BooleanOptionalAction,
        help="whether to train on images changed at random (default: as the recipe does)",
    )
    sub.add_argument(
        "--train-on-validation",
        dest="trains_on_validation",
        action=argparse.BooleanOptionalAction,
        help="whether to train on the validation digits too, once settings are chosen (default: as the recipe does)",
    )
    sub.add_argument("--seed", type=int, metavar="N", help="repeats a run exactly (default: 0, or the one after RUN's)")
    sub.add_argument("--limit", type=int, metavar="N", help="train on this many images only")
    sub.add_argument("--name", metavar="RUN", help="of the folder in models/ (default: the recipe and a number)")
    sub.add_argument(
        "--precision", choices=PRECISIONS, help="of the arithmetic (auto: the faster here; default: float32)"
    )
    sub.add_argument(
        "--tensorboard", action="store_true", default=None, help="write logs for TensorBoard into the run's folder"
    )

    add(models).add_argument("--json", action="store_true", help="a list of objects")

    sub = add(evaluate)
    sub.add_argument("--model", required=True, metavar="M")
    sub.add_argument("--split", choices=SPLITS, required=True)
    sub.add_argument("--json", action="store_true", help="one object")

    sub = add(predict)
    sub.add_argument("--model", default="flagship", metavar="M", help="default: flagship")
    sub.add_argument("--json", action="store_true", help="one object a line")
    sub.add_argument("images", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER")

    sub = add(export)
    sub.add_argument("--model", required=True, metavar="M")
    sub.add_argument("--format", choices=("keras", "tflite", "savedmodel", "zip"), required=True)
    sub.add_argument("out", type=Path, metavar="OUT")

    add(upgrade).add_argument("--model", required=True, metavar="M")

    sub = add(restore)
    sub.add_argument("--name", metavar="RUN", help="default: the one that it had, or that and a number")
    sub.add_argument("zip", type=Path, metavar="ZIP")
    return parser
