import re
from dataclasses import replace

import pytest
from page_text import charts, text
from streamlit.testing.v1 import AppTest

from mnistdash.data.dataset import Split
from mnistdash.evaluation import robustness
from mnistdash.evaluation.perturbations import KINDS, Perturbation, perturb
from mnistdash.inference.model import load_model

TIMEOUT = 90  # seconds; a slow machine must not fail a test of what a view says


@pytest.fixture
def model(flagship, models):
    return load_model("flagship", models)


@pytest.fixture
def few(sample):
    return replace(sample, test=Split(sample.test.images[:20], sample.test.labels[:20]))


def digit_page(image, label, model):
    from mnistdash.ui.errors import address, robustness

    link, _ = address.current([], 10)
    robustness.one_digit(image, label, model, link)


def model_page(run, data):
    from mnistdash.ui.errors import robustness

    robustness.whole_model(run, data, "test")


@pytest.fixture
def digit(sample, model):
    """The view of the sample's fourth test digit."""
    test = AppTest.from_function(
        digit_page,
        default_timeout=TIMEOUT,
        kwargs={"image": sample.test.images[3], "label": int(sample.test.labels[3]), "model": model},
    )
    test.run()
    assert not test.exception
    return test


def read(test) -> str:
    return re.search(r'<span class="digit">(\d)</span>', text(test))[1]


def test_the_sliders_begin_at_neutral_and_what_is_read_then_is_said(digit, sample):
    label = str(sample.test.labels[3])
    assert {slider.label: slider.value for slider in digit.slider} == {
        kind.label: kind.neutral for kind in KINDS.values()
    }
    assert read(digit) == label
    assert f"The true digit is {label}; undisturbed it is read as {label}" in text(digit)
    assert digit.button(key="disturbed-reset").disabled


def test_a_slider_disturbs_and_reset_takes_it_back(digit, sample, model):
    before = text(digit)
    digit.slider(key="turn").set_value(60.0)
    digit.slider(key="size").set_value(0.5).run()
    assert digit.query_params["turn"] == "60"
    assert digit.query_params["size"] == "0.5"
    assert not digit.exception
    (own,) = model(perturb(sample.test.images[3:4], Perturbation(turn=60, size=0.5)))
    assert read(digit) == str(own.argmax())
    assert text(digit) != before
    digit.button(key="disturbed-reset").click().run()
    assert not digit.exception
    assert text(digit) == before
    assert not {"turn", "size"} & digit.query_params.keys()


def test_each_map_can_be_chosen_and_its_sliders_move_only_its_frame(digit):
    for name, first in (("shift", "Shift right"), ("turn", "Turn clockwise"), ("stroke", "Stroke")):
        digit.segmented_control(key="flips").set_value(name).run()
        assert not digit.exception
        assert f"→ {first}, ↓" in text(digit)
    cells = re.compile(r'<div class="cells".*?<b class="here"')
    before = cells.search(text(digit))[0]
    digit.slider(key="stroke").set_value(1.5).run()
    assert cells.search(text(digit))[0] == before
    digit.slider(key="turn").set_value(45.0).run()
    assert cells.search(text(digit))[0] != before


def visit_model(flagship, few) -> AppTest:
    """Run the view until nothing is under way."""
    test = AppTest.from_function(model_page, default_timeout=TIMEOUT, kwargs={"run": flagship, "data": few})
    test.run()
    while test.get("progress"):
        test.run()
    return test


def test_a_model_is_measured_and_its_weakest_kind_named(flagship, few):
    test = visit_model(flagship, few)
    assert not test.exception
    assert "Measured over the first 20 digits of the test split" in text(test)
    assert "the weakest point is" in text(test)
    assert len(charts(test)) == 6


def test_a_failure_is_shown_and_can_be_tried_again(flagship, few, failures, monkeypatch):
    measure = robustness.robustness_curves
    monkeypatch.setattr(robustness, "robustness_curves", lambda *_, **__: 1 / 0)
    test = visit_model(flagship, few)
    assert len(test.error) == 1
    assert "ZeroDivisionError" in failures.found[0]
    failures.found.clear()
    assert len(charts(test)) == 6, "empty charts keep the place"
    monkeypatch.setattr(robustness, "robustness_curves", measure)
    test.button[0].click().run()
    while test.get("progress"):
        test.run()
    assert not test.error
    assert "Measured over" in text(test)
