import csv

import pytest

from mnistdash.data import label_votes
from mnistdash.data.label_votes import load_label_votes


@pytest.fixture
def rows() -> list[dict[str, int]]:
    with label_votes.FILE.open(newline="") as file:
        return [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_five_raters_voted_on_each_of_fifteen_digits(rows):
    assert list(load_label_votes()) == [row["test_index"] for row in rows]
    assert len(rows) == 15
    for row in rows:
        assert row["votes_label"] + row["votes_suggested"] + row["votes_neither"] == 5
        assert row["votes_label"] < 3
        assert row["label"] != row["suggested"]


@pytest.mark.slow
def test_labels_are_those_of_mnist(rows, mnist):
    assert [row["label"] for row in rows] == mnist.test.labels[list(load_label_votes())].tolist()


def test_votes_are_shown_in_words():
    assert load_label_votes()[947] == "5 for 9"
    assert load_label_votes()[2130] == "2 for 4, 2 for 9, 1 for neither"
