from dataclasses import replace

import pytest

from mnistdash.ui.errors import query_state
from mnistdash.ui.errors.query_state import QueryState

MODELS = ["flagship", "express-1"]


def test_a_link_says_what_is_not_as_usual_and_is_read_back():
    link = QueryState(
        section="compare", show="right", sort="margin", true=4, predicted=9, page=3, digit=17, other="express-1"
    )
    assert query_state.parse_link(link.parameters, MODELS, 100) == (link, [])
    assert QueryState().parameters == {}
    assert QueryState(true=0, digit=0).parameters == {"true": "0", "digit": "0"}
    looks = QueryState(unit="shares", diagonal="hidden", flips="stroke")
    assert query_state.parse_link(looks.parameters, MODELS, 100) == (looks, [])


def test_how_a_digit_is_disturbed_is_said_in_short_numbers():
    link = QueryState(digit=3, right=-8.0, turn=45.0, size=1.05, stroke=-1.25, noise=0.1 + 0.2)
    assert link.parameters == {
        "digit": "3", "right": "-8", "turn": "45", "size": "1.05", "stroke": "-1.25", "noise": "0.3"
    }  # fmt: skip
    assert query_state.parse_link(link.parameters, MODELS, 100) == (replace(link, noise=0.3), [])


def test_names_of_others_are_passed_over():
    assert query_state.parse_link({"model": "flagship", "split": "test", "lasso": "x"}, MODELS, 100) == (
        QueryState(),
        [],
    )


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"digit": "100"}, "This link asks for digit `100`; expected a number from 0 to 99."),
        ({"digit": "-1"}, "This link asks for digit `-1`; expected a number from 0 to 99."),
        ({"digit": "٣"}, "This link asks for digit `٣`; expected a number from 0 to 99."),
        ({"true": "four"}, "This link asks for true `four`; expected a number from 0 to 9."),
        ({"predicted": ""}, "This link asks for predicted nothing; expected a number from 0 to 9."),
        ({"page": "0"}, "This link asks for page `0`; expected a number from 1 to 100."),
        (
            {"show": "wrong"},
            "This link asks for show `wrong`; there are misread, right, all and marked.",
        ),
        ({"other": "gone"}, "There is no model named `gone` to compare with."),
        ({"turn": "61"}, "This link asks for turn `61`; expected a number from -60 to 60."),
        ({"turn": "nan"}, "This link asks for turn `nan`; expected a number from -60 to 60."),
        ({"size": "0.49"}, "This link asks for size `0.49`; expected a number from 0.5 to 1.5."),
        ({"noise": "٠"}, "This link asks for noise `٠`; expected a number from 0 to 0.4."),
        ({"noise": "0." + "1" * 50}, "This link asks for noise `0.1111"),
        ({"diagonal": "no"}, "This link asks for diagonal `no`; there are shown and hidden."),
        ({"section": "`**bold**`"}, "This link asks for section `**bold**`; there are digits"),
    ],
)
def test_what_makes_no_sense_is_told_and_left_out(parameters, sentence):
    link, objections = query_state.parse_link(
        {**parameters, "true" if "true" not in parameters else "predicted": "3"}, MODELS, 100
    )
    assert objections[0].startswith(sentence)
    assert len(objections) == 1
    assert link == (QueryState(true=3) if "true" not in parameters else QueryState(predicted=3)), "the rest holds"


def test_what_suits_is_the_order():
    assert QueryState().order == "sure"
    assert QueryState(show="right").order == "unsure"
    assert QueryState(show="right", sort="loss").order == "loss"
