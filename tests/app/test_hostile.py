"""Addresses and names that nobody should send: a sentence or nothing, and never a trace, a write or markup."""

import unicodedata
from dataclasses import asdict

import pytest
from page_text import text

from mnistdash.runs import annotations, config, recipes, store
from mnistdash.settings import PROJECT
from mnistdash.ui.errors.query_state import QueryState

PARAMETERS = {
    "home": ("model", "page", "embed"),
    "draw": ("model", "source", "pen", "digit"),
    "train": ("run", "compared", "recipe", "view", "name", "tensorboard", "epochs-softmax", "seed-express"),
    "errors": ("model", "split", "map", "lasso", *asdict(QueryState())),
}  # fmt: skip
VALUES = (
    *("../", "../../../../etc/passwd", "..%2f..%2f", "/etc/passwd", "C:\\windows", "flagship/../flagship"),
    *("x" * 10_000, "9" * 10_000, "-1", "1e309", "NaN", "0x10", "\u0663", "1.5", "", " ", "None", "[]", "{}", "null"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](http://127.0.0.1/x.png)", "[x](javascript:1)"),
    *(
        "`code`",
        "$\\frac12$",
        ":red[x]",
        "\u202egnp.exe",
        "\u200f\u200ex",
        "a\nb",
        "a\x00b",
        "\U0001f600",
        "' OR 1=1",
    ),
)
MARKUP = ("<script>", "<img src=x", "![x](http", "[x](javascript")


@pytest.fixture
def two_runs(flagship, make_run):
    make_run("other", events=[], card={"status": "finished"})


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_address_breaks_a_page_or_becomes_part_of_it(page, with_sample, two_runs, models, name):
    before = sorted(path.relative_to(models) for path in models.rglob("*") if ".queue.lock" not in path.parts)
    test = page(name)
    for value in VALUES:
        for parameter in PARAMETERS[name]:
            test.query_params.clear()
            test.query_params[parameter] = value
            test.run()
            assert not test.exception, (parameter, value)
            shown = text(test)
            assert len(shown) < 200_000
            for markup in MARKUP:
                # What is quoted stands in a code span, in which it means nothing.
                assert shown.count(markup) == shown.count(f"`{markup}"), (parameter, value)
            assert not [character for character in shown if unicodedata.category(character) == "Cf"], (parameter, value)
    after = sorted(
        path.relative_to(models)
        for path in models.rglob("*")
        if not {".queue.lock", "analysis"} & set(path.relative_to(models).parts)
    )
    assert after == before


@pytest.mark.parametrize("value", VALUES)
def test_no_name_leads_out_of_the_folder_or_becomes_markup(page, with_sample, flagship, models, value):
    test = page("train")
    test.text_input(key="name").set_value(value).run()
    assert not test.exception
    objections = "".join(element.value for element in test.error)
    if 0 < len(value.strip()) <= 60 and not config._NAME.fullmatch(value.strip()):
        assert "cannot be a run's name" in objections.replace("\\", "")
        assert test.button(key="start").disabled
    for markup in MARKUP:
        assert markup not in objections.replace("\\<", "").replace("\\[", "")
    assert len(objections) < 500
    assert {path.name for path in models.iterdir()} <= {"flagship", ".queue.lock"}


@pytest.mark.parametrize(
    "name", ["../flagship", "x" * 10_000, "", ".", "..", ".queue.lock", "a/b", "a\x00b", "<b>", "\u202ea"]
)
def test_the_store_takes_no_such_name(flagship, models, name):
    for work in (
        lambda: config.configure(recipes.RECIPES["softmax"], models, name=name or "."),
        lambda: store.load_trained_run(name, models),
        lambda: store.rename_run(store.load_run(models / "flagship"), name),
    ):
        with pytest.raises(store.RunError) as refused:
            work()
        assert len(str(refused.value)) < 300


def test_a_note_is_shown_as_it_was_written(page, with_sample, flagship):
    note = "<script>alert(1)</script> ![x](http://127.0.0.1/x.png) \u202ereversed " + "x" * 10_000
    annotations.save_annotation(flagship, "sample", "test", 0, annotations.Annotation("ambiguous", note))
    test = page("errors")
    for parameters in ({"show": "marked"}, {"digit": "0"}):
        test.query_params.clear()
        for key, value in parameters.items():
            test.query_params[key] = value
        test.run()
        assert not test.exception
        assert not any(markup in text(test) for markup in MARKUP)
    assert len(annotations.load_annotations(flagship, "sample", "test")[0].note) == annotations.LONGEST


def test_the_folder_of_the_project_is_not_among_what_a_visitor_is_told(page, with_sample, flagship, models):
    """A damaged run is named by its own folder."""
    (models / "broken").mkdir()
    (models / "broken" / "config.json").write_text("{")
    test = page("train")
    assert "broken/config.json" in text(test)
    assert str(models) not in text(test)
    assert str(PROJECT) not in text(test)
