"""Train recipes in full on MNIST and compare their results with the published ones.

    python benchmarks/recipes.py [--models FOLDER] [RECIPE ...]

Skips runs that are already in the folder. All recipes take about 40 minutes on two cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mnistdash.runs import store
from mnistdash.runs.card import Card
from mnistdash.runs.recipes import RECIPES, Recipe
from mnistdash.settings import PROJECT


def main() -> None:
    """Print one row per recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=None, help="folder for the runs")
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="default: all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        models = options.models or Path(temporary)
        print("| recipe | parameters | training | published | measured | loss | seconds |")
        print("|---|---|---|---|---|---|---|")
        for name in options.recipes or RECIPES:
            print(row(RECIPES[name], train(name, models)), flush=True)


def train(name: str, models: Path) -> Card:
    """Train a recipe with its default settings and seed 0 in a separate process."""
    if not (models / name).exists():
        command = [sys.executable, "-m", "mnistdash", "train", "--recipe", name, "--name", name]
        environment = {**os.environ, "MNISTDASH_MODELS": str(models.resolve())}
        subprocess.run(command, cwd=PROJECT, env=environment, check=True, stdout=sys.stderr)
    return store.load_trained_run(name, models).card


def row(recipe: Recipe, card: Card) -> str:
    """Return one row of a Markdown table."""
    length = f"{recipe.epochs} epoch{'s' * (recipe.epochs > 1)}" if recipe.epochs else f"{recipe.steps:,} steps"
    cells = [
        f"`{recipe.name}`",
        f"{card.parameters:,}",
        f"{recipe.optimizer} {recipe.learning_rate:g}, batch {recipe.batch_size}, {length}",
        str(recipe.published or "–"),
        f"{card.test_accuracy:.2%}",
        f"{card.test_loss:.4f}",
        f"{card.seconds:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
