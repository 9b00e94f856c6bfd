import re
from dataclasses import replace

import pytest
from page_text import charts, text
from streamlit.testing.v1 import AppTest

from mnistdash.data.dataset import Split
from mnistdash.evaluation import robustness
from mnistdash.evaluation.perturbations import KINDS, Perturbation, perturb
from mnistdash.inference.model import load_model

TIMEOUT = 90  # seconds; a slow machine must not fail a test


@pytest.fixture
def model(flagship, models):
    return load_model("flagship", models)


@pytest.fixture
def few(sample):
    return replace(sample, test=Split(sample.test.images[:20], sample.test.labels[:20]))


def digit_page(image, label, model):
    from mnistdash.ui.errors import query_state, robustness

    query = query_state.read([], 10)
    robustness.show_perturbations(image, label, model, query_state.choice("flips", query.flips))


def model_page(run, data):
    from mnistdash.ui.errors import robustness

    robustness.show_curves(run, data, "test")


@pytest.fixture
def digit(sample, model):
    """Open the sliders of the sample's fourth test digit."""
    test = AppTest.from_function(
        digit_page,
        default_timeout=TIMEOUT,
        kwargs={"image": sample.test.images[3], "label": int(sample.test.labels[3]), "model": model},
    )
    test.run()
    assert not test.exception
    return test


def predicted(test) -> str:
    return re.search(r'<span class="digit">(\d)</span>', text(test))[1]


def test_the_sliders_start_at_neutral_values(digit, sample):
    label = str(sample.test.labels[3])
    assert {slider.label: slider.value for slider in digit.slider} == {
        kind.label: kind.neutral for kind in KINDS.values()
    }
    assert predicted(digit) == label
    assert f"True digit: {label}. Unperturbed prediction: {label}" in text(digit)
    assert digit.button(key="disturbed-reset").disabled


@pytest.mark.slow
def test_a_slider_perturbs_the_digit_and_reset_restores_it(digit, sample, model):
    before = text(digit)
    digit.slider(key="turn").set_value(60.0)
    digit.slider(key="size").set_value(0.5).run()
    assert not digit.exception
    (own,) = model(perturb(sample.test.images[3:4], Perturbation(turn=60, size=0.5)))
    assert predicted(digit) == str(own.argmax())
    assert text(digit) != before
    digit.button(key="disturbed-reset").click().run()
    assert not digit.exception
    assert text(digit) == before
    assert (digit.slider(key="turn").value, digit.slider(key="size").value) == (0, 1)


@pytest.mark.slow
def test_the_sliders_of_a_map_only_move_its_frame(digit):
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
    """Run the view until its background task is done."""
    test = AppTest.from_function(model_page, default_timeout=TIMEOUT, kwargs={"run": flagship, "data": few})
    test.run()
    while test.get("progress"):
        test.run()
    return test


def test_a_models_robustness_is_measured_and_its_weakest_point_named(flagship, few):
    test = visit_model(flagship, few)
    assert not test.exception
    assert "Accuracy on the first 20 test digits" in text(test)
    assert "Weakest point: " in text(test)
    assert len(charts(test)) == 6


@pytest.mark.slow
def test_a_failed_measurement_is_reported_and_can_be_retried(flagship, few, failures, monkeypatch):
    measure = robustness.robustness_curves
    monkeypatch.setattr(robustness, "robustness_curves", lambda *_, **__: 1 / 0)
    test = visit_model(flagship, few)
    assert len(test.error) == 1
    assert "ZeroDivisionError" in failures.found[0]
    failures.found.clear()
    assert len(charts(test)) == 6, "empty charts reserve their space"
    monkeypatch.setattr(robustness, "robustness_curves", measure)
    test.button[0].click().run()
    while test.get("progress"):
        test.run()
    assert not test.error
    assert "Accuracy on the first" in text(test)
