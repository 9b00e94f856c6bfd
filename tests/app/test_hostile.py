"""Hostile addresses and names: a page shows an error or nothing, never a traceback or markup, and writes nothing."""

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
    "errors": ("model", "split", *asdict(QueryState())),
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
ALONE = ("x" * 10_000, "NaN", "![x](http://127.0.0.1/x.png)", "\u202egnp.exe")
MARKUP = ("<script>", "<img src=x", "![x](http", "[x](javascript")


@pytest.fixture
def two_runs(flagship, make_run):
    make_run("other", events=[], card={"status": "finished"})


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_no_address_breaks_a_page_or_is_shown_as_markup(page, with_sample, two_runs, models, name):
    before = sorted(path.relative_to(models) for path in models.rglob("*") if ".queue.lock" not in path.parts)
    test = page(name)
    everywhere = [dict.fromkeys(PARAMETERS[name], value) for value in VALUES]
    # One invalid parameter can hide another.
    single = [{parameter: value} for parameter in PARAMETERS[name] for value in ALONE]
    for address in everywhere + single:
        test.query_params.clear()
        for parameter, value in address.items():
            test.query_params[parameter] = value
        test.run()
        assert not test.exception, address
        shown = text(test)
        assert len(shown) < 200_000
        for markup in MARKUP:
            # Code spans show markup as text.
            assert shown.count(markup) == shown.count(f"`{markup}"), address
        assert not [character for character in shown if unicodedata.category(character) == "Cf"], address
    after = sorted(
        path.relative_to(models)
        for path in models.rglob("*")
        if not {".queue.lock", "analysis"} & set(path.relative_to(models).parts)
    )
    assert after == before


@pytest.mark.slow
def test_no_name_leaves_the_folder_or_is_shown_as_markup(page, with_sample, flagship, models):
    test = page("train")
    for value in VALUES:
        test.text_input(key="name").set_value(value).run()
        assert not test.exception, value
        errors = "".join(element.value for element in test.error)
        if 0 < len(value.strip()) <= 60 and not is_name(value.strip()):
            assert errors, value
            assert test.button(key="start").disabled, value
        for markup in MARKUP:
            assert markup not in errors.replace("\\<", "").replace("\\[", "")
        assert len(errors) < 500
    assert {path.name for path in models.iterdir()} <= {"flagship", ".queue.lock"}


def is_name(text: str) -> bool:
    try:
        config.check_name(text)
    except store.RunError:
        return False
    return True


@pytest.mark.parametrize(
    "name", ["../flagship", "x" * 10_000, "", ".", "..", ".queue.lock", "a/b", "a\x00b", "<b>", "\u202ea"]
)
def test_the_store_refuses_hostile_names(flagship, models, name):
    for action in (
        lambda: config.configure(recipes.RECIPES["softmax"], models, name=name or "."),
        lambda: store.load_trained_run(name, models),
        lambda: store.rename_run(store.load_run(models / "flagship"), name),
    ):
        with pytest.raises(store.RunError) as refused:
            action()
        assert len(str(refused.value)) < 300


def test_a_note_is_not_shown_as_markup(page, with_sample, flagship):
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
    assert len(annotations.load_annotations(flagship, "sample", "test")[0].note) == annotations.MAX_NOTE_CHARACTERS


def test_errors_do_not_show_paths_of_the_server(page, with_sample, flagship, models):
    """A damaged run is named by its folder only."""
    (models / "broken").mkdir()
    (models / "broken" / "config.json").write_text("{")
    test = page("train")
    assert "broken/config.json" in text(test)
    assert str(models) not in text(test)
    assert str(PROJECT) not in text(test)
