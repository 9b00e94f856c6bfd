"""Votes on the MNIST test digits whose published label few raters confirmed.

Source: C. Northcutt, A. Athalye, J. Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks", 2021; github.com/cleanlab/label-errors. Five raters voted on each; the file lists the 15 digits whose label
fewer than three confirmed. Some are debatable, so the dashboard shows the votes and changes no label.
"""

import csv
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("label_votes.csv")


@cache
def load_label_votes() -> dict[int, str]:
    """Load the votes, such as "2 for 4, 2 for 9, 1 for neither", by index in MNIST's test split."""
    with FILE.open(newline="") as file:
        return {int(row["test_index"]): _describe(row) for row in csv.DictReader(file)}


def _describe(row: dict[str, str]) -> str:
    choices = row["label"], row["suggested"], "neither"
    counts = row["votes_label"], row["votes_suggested"], row["votes_neither"]
    return ", ".join(f"{count} for {choice}" for choice, count in zip(choices, counts, strict=True) if count != "0")
