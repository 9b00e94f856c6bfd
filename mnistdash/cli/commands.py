"""The command line: `python -m mnistdash COMMAND`. Exit 0 done, 1 failed with one clear line, 2 wrong usage."""

import argparse
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mnistdash.cli.progress import DownloadBar, native_output_to
from mnistdash.data import mnist
from mnistdash.evaluation import metrics
from mnistdash.imaging import image_files
from mnistdash.inference.model import Model, load
from mnistdash.inference.recognize import BLANK, Answer, Reading, read
from mnistdash.jobs import worker
from mnistdash.runs import archive, store
from mnistdash.runs.config import PRECISIONS, NameTakenError, check_name, configure, continued, free_name
from mnistdash.runs.recipes import OPTIMIZERS, RECIPES
from mnistdash.runs.schedules import SCHEDULES
from mnistdash.settings import Settings, SettingsError
from mnistdash.system.atomic import replacing
from mnistdash.system.liveness import Lifeline

# Options of train, as `configs.configure` calls them.
TRAINING = (
    *("name", "epochs", "batch_size", "learning_rate", "seed", "limit", "precision", "schedule", "optimizer"),
    *("augmentation", "dropout", "trains_on_validation", "tensorboard"),
)
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
ERRORS = (mnist.DataError, store.RunError, image_files.ImageError, SettingsError)


class CommandError(Exception):
    """A command failed; the message is one sentence for the user."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    logging.basicConfig(format="mnistdash: %(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary files are cleaned up
    try:
        return options.command(options, Settings.from_environment()) or 0
    except (CommandError, *ERRORS) as error:
        print(f"mnistdash: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def data(options: argparse.Namespace, settings: Settings) -> None:
    """find or download MNIST, verify it, say where it is"""
    with DownloadBar() as bar:
        dataset = mnist.load(settings, bar)
    print(f"MNIST in {dataset.source}, verified")
    for name in ("train", "validation", "test"):
        print(f"{name:<10} {len(dataset.split(name)):>7,} images")


def recipes(options: argparse.Namespace, settings: Settings) -> None:
    """list the recipes, with what each is known to reach"""
    for recipe in RECIPES.values():
        print(f"{recipe.name:<14} {recipe.summary}")
        print(f"{'':<14} {recipe.reaches}")


def doctor(options: argparse.Namespace, settings: Settings) -> int:
    """examine this installation: versions, data, models, memory, disk, rights"""
    from mnistdash.doctor.__main__ import examine, lines, status

    findings = examine(settings)
    print(*lines(findings), sep="\n")
    return status(findings)


def train(options: argparse.Namespace, settings: Settings) -> None:
    """train a recipe in the foreground and leave its model in models/RUN/"""
    if options.supervised:
        worker.train_supervised(options.supervised, settings)
        return
    if options.stand_by:
        worker.stand_by(settings)
        return
    given = {name: value for name in TRAINING if (value := getattr(options, name)) is not None}
    if options.start is None:
        config = configure(RECIPES[options.recipe], settings.models, **given)
    else:
        check_name(options.start)
        before = store.load(settings.models / options.start)
        if not archive.can_continue(before):
            raise CommandError(
                f"{before.name} is {before.status}: only a run that has ended, has weights and is of a recipe here can "
                "be continued."
            )
        config = continued(before.config, settings.models, **given)
    try:
        lifeline = Lifeline(settings.models)
    except OSError as error:
        raise CommandError(f"The run cannot be stored in {settings.models}: {error.strerror or error}.") from error
    # Nobody takes the run over before it begins.
    folder = store.create(replace(config, queued_by=lifeline.name), settings.models)
    with native_output_to(folder / store.LOG):
        card = worker.train_in_terminal(config, folder, settings, lifeline)
    lifeline.release()
    if card is None:
        print(f"{folder}: stopped before the first epoch; there is no model.")
        return
    print(
        f"{folder}: {card.status}; best epoch {card.best_epoch}, validation accuracy {card.validation}, "
        f"test accuracy {card.test_accuracy:.2%}, test loss {card.test_loss:.4f}"
    )


def models(options: argparse.Namespace, settings: Settings) -> None:
    """list the models"""
    found = store.list_models(settings.models)
    if options.json:
        keys = ("name", "recipe", "parameters", "bytes", "validation_accuracy", "test_accuracy")
        print(json.dumps([{key: getattr(run.card, key) for key in keys} for run in found], indent=2))
        return
    print(f"{'name':<20} {'recipe':<14} {'parameters':>10} {'size':>9} {'validation':>10} {'test':>8}")
    for run in found:
        card = run.card
        print(
            f"{run.name:<20} {card.recipe:<14} {card.parameters:>10,} {card.bytes / 1e6:>6.2f} MB "
            f"{card.validation:>10} {card.test_accuracy:>8.2%}"
        )
    if any(run.card.validation_seen for run in found):
        print("* Trained on the validation images too, so this figure is too good.")


def evaluate(options: argparse.Namespace, settings: Settings) -> None:
    """score a model over a split"""
    model = _load_model(options.model, settings)
    with DownloadBar() as bar:
        dataset, why_sample = mnist.load_or_sample(settings, bar, strict=True)
    if why_sample is not None:
        print(f"mnistdash: {why_sample} Scoring the offline sample instead.", file=sys.stderr)
    result = metrics.evaluate(model, dataset.split(options.split))
    if options.json:
        values = {
            "model": options.model,
            "split": options.split,
            "data": dataset.name,
            "accuracy": result.accuracy,
            "loss": result.loss,
            "calibration_error": result.calibration_error,
            "per_digit": result.per_digit,
            "confusion": result.confusion.tolist(),
            "errors": result.errors.tolist(),
        }
        print(json.dumps(values))
        return
    print(
        f"{options.model} on {len(result.labels):,} {options.split} images of {dataset.name}: accuracy "
        f"{result.accuracy:.2%}, loss {result.loss:.4f}, {len(result.errors):,} errors, "
        f"calibration error {100 * result.calibration_error:.2f} points"
    )
    print("\nrows: true digit, columns: predicted\n   " + "".join(f"{digit:>6}" for digit in range(10)))
    for digit, row in enumerate(result.confusion):
        print(f"{digit:>3}" + "".join(f"{count:>6}" for count in row))


def predict(options: argparse.Namespace, settings: Settings) -> int:
    """read digits from image files"""
    model, failed = None, False
    for path in _image_files(options.images):
        try:
            image = image_files.read_image(path)
            model = model or _load_model(options.model, settings)
            _print_answer(path, read(image, model), options.json)
        except image_files.ImageError as error:
            print(f"mnistdash: {error}", file=sys.stderr)
            failed = True
    return int(failed)


def _print_answer(path: Path, answer: Answer, as_json: bool) -> None:
    if not as_json:
        print(f"{path} {answer.number or BLANK} {answer.confidence:.4f}")
        return
    # The image as one digit first, whatever it holds; then what it holds.
    values = {"file": str(path), **_values(answer.digits[0] if len(answer.digits) == 1 else answer.whole)}
    values |= {"verdict": answer.verdict, "number": answer.number, "digits": [_values(one) for one in answer.digits]}
    print(json.dumps(values))


def _values(reading: Reading | None) -> dict:
    if reading is None:
        return {"digit": None, "confidence": 0.0, "probabilities": [0.0] * 10, "is_digit": None, "verdict": BLANK}
    return {
        "digit": reading.digit,
        "confidence": reading.confidence,
        "probabilities": reading.probabilities.tolist(),
        "is_digit": reading.is_digit,
        "verdict": reading.verdict,
    }


def export(options: argparse.Namespace, settings: Settings) -> None:
    """write a model for use elsewhere"""
    folder = store.load_model(options.model, settings.models).folder
    out = options.out
    if out.exists():
        raise CommandError(f"{out}: exists already; choose another place.")
    try:
        if options.format == "savedmodel":
            with native_output_to(os.devnull), replacing(out.absolute()) as path:
                from mnistdash.training.export import export_saved_model  # TensorFlow: seconds to import

                export_saved_model(folder / store.KERAS, path)
        elif options.format == "zip":
            with replacing(out.absolute()) as path:
                path.write_bytes(archive.pack(store.load(folder)))
        else:
            with replacing(out.absolute()) as path:
                shutil.copyfile(folder / {"keras": store.KERAS, "tflite": store.TFLITE}[options.format], path)
    except OSError as error:
        raise CommandError(f"{out}: cannot be written ({error.strerror or error}).") from error
    print(out)


def restore(options: argparse.Namespace, settings: Settings) -> None:
    """bring a run back from a zip that `export --format zip` made, or the Train page"""
    try:
        with options.zip.open("rb") as file:
            backup = archive.read(file)
    except OSError as error:
        raise CommandError(f"{options.zip}: cannot be read ({error.strerror or error}).") from error
    name = options.name or backup.config.name
    check_name(name)
    if (settings.models / name).exists():
        if options.name:
            raise NameTakenError(name)
        name = free_name(name[:60], settings.models)
    with DownloadBar() as bar:
        dataset, why_sample = mnist.load_or_sample(settings, bar, strict=True)
    if dataset.name != backup.card.data:
        what = {"mnist": "MNIST", "sample": "the offline sample"}.get(backup.card.data, "other data")
        raise CommandError(
            f"The run was trained on {what}, which is not at hand to score it. {why_sample or ''}".strip()
        )
    try:
        settings.models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=settings.models) as staging:
            folder = Path(staging) / name
            folder.mkdir()
            run = archive.unpack(backup, name, folder)
            with native_output_to(os.devnull):
                from mnistdash.training import loop  # TensorFlow: seconds to import

                card = loop.rebuild(folder, run.config, backup.card, dataset)
            folder.rename(settings.models / name)
    except OSError as error:
        raise CommandError(f"The run cannot be stored in {settings.models}: {error.strerror or error}.") from error
    print(f"{name}: {card.status}; validation accuracy {card.validation}, test accuracy {card.test_accuracy:.2%}")


def _load_model(name: str, settings: Settings) -> Model:
    with native_output_to(os.devnull):
        return load(name, settings.models)


def _image_files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
        if not inside:
            raise CommandError(f"{path}: there is no image in this folder.")
        yield from inside


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
    sub.add_argument("--split", choices=mnist.SPLITS, required=True)
    sub.add_argument("--json", action="store_true", help="one object")

    sub = add(predict)
    sub.add_argument("--model", default="flagship", metavar="M", help="default: flagship")
    sub.add_argument("--json", action="store_true", help="one object a line")
    sub.add_argument("images", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER")

    sub = add(export)
    sub.add_argument("--model", required=True, metavar="M")
    sub.add_argument("--format", choices=("keras", "tflite", "savedmodel", "zip"), required=True)
    sub.add_argument("out", type=Path, metavar="OUT")

    sub = add(restore)
    sub.add_argument("--name", metavar="RUN", help="default: the one that it had, or that and a number")
    sub.add_argument("zip", type=Path, metavar="ZIP")
    return parser
