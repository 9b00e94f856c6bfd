from mnistdash.data.label_votes import load_label_votes


def test_fifteen_digits_each_with_the_votes_of_five_raters():
    assert len(load_label_votes()) == 15
    for index, dispute in load_label_votes().items():
        assert dispute.index == index
        assert dispute.votes_label + dispute.votes_suggested + dispute.votes_neither == 5
        assert dispute.votes_label < 3
        assert dispute.label != dispute.suggested


def test_the_labels_are_those_of_mnist(mnist):
    assert [dispute.label for dispute in load_label_votes().values()] == mnist.test.labels[
        list(load_label_votes())
    ].tolist()


def test_votes_are_told_in_words():
    assert str(load_label_votes()[947]) == "5 for 9"
    assert str(load_label_votes()[2130]) == "2 for 4, 2 for 9, 1 for neither"
