"""The MNIST test digits whose published label human raters did not confirm.

Source: C. Northcutt, A. Athalye, J. Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks", 2021; github.com/cleanlab/label-errors. Five raters each; listed are the 15 digits of which fewer than
three confirmed the label. Some can be argued about: the votes are shown, no label is changed.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("label_votes.csv")


@dataclass(frozen=True)
class LabelVotes:
    """How five raters voted on a test digit.

    Attributes:
        index: of the digit in MNIST's test split.
        label: as published.
        suggested: the other digit that the raters were offered.
        votes_label, votes_suggested, votes_neither: how many chose which.
    """

    index: int
    label: int
    suggested: int
    votes_label: int
    votes_suggested: int
    votes_neither: int

    def __str__(self) -> str:
        votes = [(self.votes_label, str(self.label)), (self.votes_suggested, str(self.suggested))]
        votes.append((self.votes_neither, "neither"))
        return ", ".join(f"{count} for {what}" for count, what in votes if count)


@cache
def load_label_votes() -> dict[int, LabelVotes]:
    """By their index in MNIST's test split."""
    with FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    renamed = [{name.removeprefix("test_"): int(value) for name, value in row.items()} for row in rows]
    return {row["index"]: LabelVotes(**row) for row in renamed}
