"""Votes on the MNIST test digits whose published label few raters confirmed.

Source: C. Northcutt, A. Athalye, J. Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks", 2021; github.com/cleanlab/label-errors. Five raters voted on each; the file lists the 15 digits whose label
fewer than three confirmed. Some are debatable, so the dashboard shows the votes and changes no label.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("label_votes.csv")


@dataclass(frozen=True)
class LabelVotes:
    """The votes of five raters on a test digit.

    Attributes:
        test_index: position in MNIST's test split.
        label: as published.
        suggested: the other digit that raters could choose.
        votes_label, votes_suggested, votes_neither: number of votes.
    """

    test_index: int
    label: int
    suggested: int
    votes_label: int
    votes_suggested: int
    votes_neither: int

    def __str__(self) -> str:
        votes = {self.label: self.votes_label, self.suggested: self.votes_suggested, "neither": self.votes_neither}
        return ", ".join(f"{count} for {choice}" for choice, count in votes.items() if count)


@cache
def load_label_votes() -> dict[int, LabelVotes]:
    """Load the votes, by index in MNIST's test split."""
    with FILE.open(newline="") as file:
        rows = [LabelVotes(**{name: int(value) for name, value in row.items()}) for row in csv.DictReader(file)]
    return {row.test_index: row for row in rows}
