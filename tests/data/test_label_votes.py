from mnistdash.data.label_votes import disputes


def test_fifteen_digits_each_with_the_votes_of_five_raters():
    assert len(disputes()) == 15
    for index, dispute in disputes().items():
        assert dispute.index == index
        assert dispute.votes_label + dispute.votes_suggested + dispute.votes_neither == 5
        assert dispute.votes_label < 3
        assert dispute.label != dispute.suggested


def test_the_labels_are_those_of_mnist(mnist):
    assert [dispute.label for dispute in disputes().values()] == mnist.test.labels[list(disputes())].tolist()


def test_votes_are_told_in_words():
    assert str(disputes()[947]) == "5 for 9"
    assert str(disputes()[2130]) == "2 for 4, 2 for 9, 1 for neither"
