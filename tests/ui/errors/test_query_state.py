from dataclasses import asdict

import pytest

from mnistdash.ui.errors import query_state
from mnistdash.ui.errors.query_state import QueryState

MODELS = ["flagship", "express-1"]


def test_a_link_is_parsed():
    """Parse every parameter to its type."""
    link = {
        "section": "compare", "show": "correct", "sort": "margin", "true": "4", "predicted": "9", "page": "3",
        "digit": "17", "other": "express-1", "group": "both", "unit": "shares", "diagonal": "hidden", "flips": "stroke",
        "map": "tsne", "lasso": "0,0;1,0;0,1",
    }  # fmt: skip
    state, problems = query_state.parse(link, MODELS, 100)
    assert {name: str(value) for name, value in asdict(state).items()} == link
    assert (state.true, state.predicted, state.page, state.digit) == (4, 9, 3, 17)
    assert problems == {}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({"show": "misread", "sort": "unsure"}, QueryState(sort="least-confident")),
        ({"show": "right", "sort": "sure"}, QueryState(show="correct", sort="most-confident")),
        ({"digit": "3", "turn": "-30", "size": "1.05", "noise": "0.3"}, QueryState(digit=3)),
    ],
)
def test_links_of_earlier_versions_are_valid(link, expected):
    """Accept renamed values, and parameters that Streamlit reads."""
    assert query_state.parse(link, MODELS, 100) == (expected, {})


@pytest.mark.parametrize(
    "link", [{}, {"section": "", "digit": "", "other": ""}, {"model": "flagship", "split": "test"}, {"utm_source": "x"}]
)
def test_empty_and_unknown_parameters_change_nothing(link):
    assert query_state.parse(link, MODELS, 100) == (QueryState(), {})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("digit", "100", "a number from 0 to 99"),
        ("digit", "-1", "a number from 0 to 99"),
        ("digit", "nan", "a number from 0 to 99"),
        ("digit", "1.5", "a number from 0 to 99"),
        ("true", "four", "a number from 0 to 9"),
        ("page", "0", "a number from 1 to 100"),
        ("page", "9" * 10_000, "a number from 1 to 100"),
        ("show", "wrong", "one of misclassified, correct, all, marked"),
        ("diagonal", "no", "one of shown, hidden"),
        ("other", "gone", "the name of a model"),
        ("model", "gone", "the name of a model"),
        ("split", "exam", "one of test, validation, train"),
        ("map", "umap", "one of pca, tsne"),
        ("lasso", "0,0;1,1", "x,y;x,y;…"),
        ("section", "`**bold**`", "one of digits, confidence, robustness, map, compare, labels"),
    ],
)
def test_an_invalid_parameter_gets_a_sentence_and_its_default(name, text, expected):
    """Valid parameters in the same link still apply."""
    state, problems = query_state.parse({name: text, "predicted": "3"}, MODELS, 100)
    assert state == QueryState(predicted=3)
    assert list(problems) == [name]
    assert problems[name].startswith(f"Invalid {name} `")
    assert problems[name].endswith(f" in the link: expected {expected}.")
    assert len(problems[name]) < 200


@pytest.mark.parametrize("text", ["61", "nan", "inf", "left", "1e309"])
def test_an_invalid_level_of_a_slider_gets_a_sentence_if_a_digit_is_open(text):
    expected = f"Invalid turn `{text}` in the link: expected a number from -60 to 60."
    assert query_state.parse({"turn": text, "digit": "1"}, MODELS, 100) == (QueryState(digit=1), {"turn": expected})
    assert query_state.parse({"turn": text}, MODELS, 100) == (QueryState(), {})


@pytest.mark.parametrize(
    ("state", "order"),
    [
        (QueryState(), "most-confident"),
        (QueryState(show="correct"), "least-confident"),
        (QueryState(show="correct", sort="loss"), "loss"),
    ],
)
def test_the_default_order_depends_on_what_is_shown(state, order):
    assert state.order == order
