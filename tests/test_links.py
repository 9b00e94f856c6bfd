import pytest

from mnistdash import links
from mnistdash.links import Link

MODELS = ["flagship", "express-1"]


def test_a_link_says_what_is_not_as_usual_and_is_read_back():
    link = Link(
        section="compare", show="right", sort="margin", true=4, predicted=9, page=3, digit=17, other="express-1"
    )
    assert links.read(link.parameters, MODELS, 100) == (link, [])
    assert Link().parameters == {}
    assert Link(true=0, digit=0).parameters == {"true": "0", "digit": "0"}


def test_names_of_others_are_passed_over():
    assert links.read({"model": "flagship", "split": "test", "lasso": "x"}, MODELS, 100) == (Link(), [])


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
        ({"section": "`**bold**`"}, "This link asks for section `**bold**`; there are digits"),
    ],
)
def test_what_makes_no_sense_is_told_and_left_out(parameters, sentence):
    link, objections = links.read({**parameters, "true" if "true" not in parameters else "predicted": "3"}, MODELS, 100)
    assert objections[0].startswith(sentence)
    assert len(objections) == 1
    assert link == (Link(true=3) if "true" not in parameters else Link(predicted=3)), "the rest holds"


def test_what_suits_is_the_order():
    assert Link().order == "sure"
    assert Link(show="right").order == "unsure"
    assert Link(show="right", sort="loss").order == "loss"
