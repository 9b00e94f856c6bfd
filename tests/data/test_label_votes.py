import pytest

from mnistdash.data.label_votes import load_label_votes


def test_five_raters_voted_on_each_of_fifteen_digits():
    assert len(load_label_votes()) == 15
    for index, votes in load_label_votes().items():
        assert votes.test_index == index
        assert votes.votes_label + votes.votes_suggested + votes.votes_neither == 5
        assert votes.votes_label < 3
        assert votes.label != votes.suggested


@pytest.mark.slow
def test_labels_are_those_of_mnist(mnist):
    assert [votes.label for votes in load_label_votes().values()] == mnist.test.labels[
        list(load_label_votes())
    ].tolist()


def test_votes_are_shown_in_words():
    assert str(load_label_votes()[947]) == "5 for 9"
    assert str(load_label_votes()[2130]) == "2 for 4, 2 for 9, 1 for neither"
