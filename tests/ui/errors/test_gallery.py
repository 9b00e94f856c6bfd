from dataclasses import replace

import numpy as np
import pytest

from mnistdash.evaluation.metrics import Evaluation
from mnistdash.runs import store
from mnistdash.runs.annotations import Annotation
from mnistdash.ui.errors.gallery import ExplorerContext


@pytest.fixture
def context(make_run, sample) -> ExplorerContext:
    """Return the sample's test split with every digit predicted as 4 by a model trained on the sample."""
    run = store.load_run(make_run("here", events=[], card={"data": "sample", "validation_seen": False}))
    probabilities = np.eye(10, dtype=np.float32)[np.full(len(sample.test), 4)]
    result = Evaluation(sample.test.labels, probabilities)
    return ExplorerContext(run, sample, "test", result, np.zeros((len(sample.test), 2)), {}, {})


@pytest.mark.parametrize(
    ("split", "data", "validation_seen", "is_seen"),
    [
        ("train", "sample", False, True),
        ("train", "mnist", False, False),
        ("validation", "sample", False, False),
        ("validation", "sample", True, True),
        ("test", "sample", True, False),
    ],
)
def test_a_split_counts_as_seen_if_the_model_was_trained_on_it(context, split, data, validation_seen, is_seen):
    card = replace(context.run.card, data=data, validation_seen=validation_seen)
    assert replace(context, name=split, run=replace(context.run, card=card)).is_seen == is_seen


def test_a_title_names_the_split_the_index_and_both_labels(context):
    labels = context.result.labels
    four, other = int(np.flatnonzero(labels == 4)[0]), int(np.flatnonzero(labels != 4)[0])
    assert context.title(four) == f"Test digit no. {four}: a 4 classified correctly"
    training = replace(context, name="train")
    assert training.title(other) == f"Training digit no. {other}: a {labels[other]} predicted as 4"


def test_a_note_shows_votes_and_annotations(context):
    votes = {1: "2 for 4, 3 for 9"}
    noted = replace(context, votes=votes, marks={1: Annotation("ambiguous"), 2: Annotation(note="blurred")})
    assert [noted.note(index) for index in (0, 1, 2)] == ["", "raters: 2 for 4, 3 for 9<br>ambiguous", "note"]
