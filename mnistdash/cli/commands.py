"""The commands; the docstring of each is its help text."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mnistdash import exceptions
from mnistdash.cli.progress import download_bar
from mnistdash.data import mnist, sample
from mnistdash.evaluation import metrics
from mnistdash.exceptions import CommandError, NameTakenError
from mnistdash.imaging import image_files
from mnistdash.inference.model import Model, load_model
from mnistdash.inference.recognize import BLANK, DigitPrediction, Recognition, recognize
from mnistdash.runs import archive, store
from mnistdash.runs.config import check_name, free_name
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.run import KERAS, TFLITE
from mnistdash.settings import Settings
from mnistdash.system.atomic import atomic_path
from mnistdash.system.native_output import native_output_to


def data(options: argparse.Namespace, settings: Settings) -> None:
    """Find or download MNIST, verify it and print its location."""
    with download_bar() as bar:
        dataset = mnist.load_mnist(settings, bar)
    print(f"MNIST in {dataset.source}, verified")
    for name in ("train", "validation", "test"):
        print(f"{name:<10} {len(dataset.split(name)):>7,} images")


def recipes(options: argparse.Namespace, settings: Settings) -> None:
    """List the recipes and their test accuracy."""
    for recipe in RECIPES.values():
        print(f"{recipe.name:<14} {recipe.summary}")
        print(f"{'':<14} {recipe.reaches}")


def doctor(options: argparse.Namespace, settings: Settings) -> int:
    """Check this installation: Python, packages, MNIST, models and disk."""
    from mnistdash.doctor.__main__ import report
    from mnistdash.doctor.checks import run_checks

    return report(run_checks(settings))


def models(options: argparse.Namespace, settings: Settings) -> None:
    """List the models."""
    found = [(run.name, run.card) for run in store.list_models(settings.models) if run.card is not None]
    if options.json:
        keys = ("recipe", "parameters", "bytes", "validation_accuracy", "test_accuracy")
        print(
            json.dumps([{"name": name, **{key: getattr(card, key) for key in keys}} for name, card in found], indent=2)
        )
        return
    print(f"{'name':<20} {'recipe':<14} {'parameters':>10} {'size':>9} {'validation':>10} {'test':>8}")
    for name, card in found:
        print(
            f"{name:<20} {card.recipe:<14} {card.parameters:>10,} {card.bytes / 1e6:>6.2f} MB "
            f"{card.validation:>10} {card.test_accuracy:>8.2%}"
        )
    if any(card.validation_seen for _, card in found):
        print("* Also trained on the validation images, so this accuracy is optimistic.")


def evaluate(options: argparse.Namespace, settings: Settings) -> None:
    """Evaluate a model on a split."""
    model = _load_model(options.model, settings)
    with download_bar() as bar:
        dataset, why_sample = sample.load_mnist_or_sample(settings, bar, strict=True)
    if why_sample is not None:
        print(f"mnistdash: {why_sample} Evaluating on the offline sample instead.", file=sys.stderr)
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
    """Recognize the digits in image files."""
    model, failed = None, False
    for path in _image_files(options.images):
        try:
            image = image_files.read_image(path)
            model = model or _load_model(options.model, settings)
            _print_answer(path, recognize(image, model), options.json)
        except exceptions.ImageError as error:
            print(f"mnistdash: {error}", file=sys.stderr)
            failed = True
    return int(failed)


def _print_answer(path: Path, answer: Recognition, as_json: bool) -> None:
    if not as_json:
        print(f"{path} {answer.number or BLANK} {answer.confidence:.4f}")
        return
    # At the top level the image counts as one digit, however many it holds.
    whole = answer.digits[0] if len(answer.digits) == 1 else answer.whole
    values = {"digit": None, "confidence": 0.0, "probabilities": [0.0] * 10, "is_digit": None} | _values(whole)
    digits = [_values(digit) for digit in answer.digits]
    values = {"file": str(path), **values, "verdict": answer.verdict, "number": answer.number, "digits": digits}
    print(json.dumps(values, default=np.ndarray.tolist))


def _values(prediction: DigitPrediction | None) -> dict[str, Any]:
    keys = ("digit", "confidence", "probabilities", "is_digit", "verdict")
    return {key: getattr(prediction, key) for key in keys} if prediction is not None else {}


def export(options: argparse.Namespace, settings: Settings) -> None:
    """Export a model to a file."""
    run = store.load_trained_run(options.model, settings.models)
    out = options.out
    if out.exists():
        raise CommandError(f"{out} already exists. Choose another path.")
    try:
        with atomic_path(out.absolute()) as path:
            if options.format == "savedmodel":
                with native_output_to(os.devnull):
                    from mnistdash.training.export import export_saved_model  # TensorFlow: seconds to import

                    export_saved_model(run.folder / KERAS, path)
            elif options.format == "zip":
                path.write_bytes(archive.pack_run(run))
            else:
                shutil.copyfile(run.folder / {"keras": KERAS, "tflite": TFLITE}[options.format], path)
    except OSError as error:
        raise CommandError(f"{out} cannot be written ({error.strerror or error}).") from error
    print(out)


def upgrade(options: argparse.Namespace, settings: Settings) -> None:
    """Convert a model of an earlier version to the current format."""
    run = store.load_trained_run(options.model, settings.models)
    with native_output_to(os.devnull):
        from mnistdash.training.finish import export_again  # TensorFlow: seconds to import

        export_again(run)
    print(f"{run.name}: exported in the current format")


def restore(options: argparse.Namespace, settings: Settings) -> None:
    """Restore a run from a zip made by `export --format zip` or by the Train page."""
    try:
        with options.zip.open("rb") as file:
            backup = archive.read_archive(file)
    except OSError as error:
        raise CommandError(f"{options.zip} cannot be read ({error.strerror or error}).") from error
    name = options.name or backup.config.name
    check_name(name)
    if (settings.models / name).exists():
        if options.name:
            raise NameTakenError(name)
        name = free_name(name[:60], settings.models)
    with download_bar() as bar:
        dataset, why_sample = sample.load_mnist_or_sample(settings, bar, strict=True)
    if dataset.name != backup.card.data:
        what = {"mnist": "MNIST", "sample": "the offline sample"}.get(backup.card.data, "other data")
        raise CommandError(
            f"The run was trained on {what}, which is not available to evaluate it. {why_sample or ''}".strip()
        )
    try:
        settings.models.mkdir(parents=True, exist_ok=True)
        with atomic_path(settings.models / name) as folder:
            folder.mkdir()
            config = archive.unpack_run(backup, name, folder)
            with native_output_to(os.devnull):
                from mnistdash.training import finish  # TensorFlow: seconds to import

                card = finish.rebuild(folder, config, backup.card, dataset)
    except OSError as error:
        raise CommandError(f"The run cannot be stored in {settings.models}: {error.strerror or error}.") from error
    print(f"{name}: {card.status}; validation accuracy {card.validation}, test accuracy {card.test_accuracy:.2%}")


def _load_model(name: str, settings: Settings) -> Model:
    with native_output_to(os.devnull):
        return load_model(name, settings.models)


def _image_files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in image_files.SUFFIXES)
        if not inside:
            raise CommandError(f"{path}: no image in this folder.")
        yield from inside
