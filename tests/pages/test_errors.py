from dataclasses import replace

import numpy as np
import pytest
from page_text import text

from mnistdash import datasets, disputed, evaluation, inference


@pytest.fixture
def result(flagship, models, with_sample):
    """What the flagship makes of the sample's training split, where it has mistakes enough."""
    return evaluation.evaluate(inference.load("flagship", models), with_sample.train)


@pytest.fixture
def test_page(page, result):
    test = page("errors")
    test.selectbox(key="split").set_value("train").run()
    assert not test.exception
    return test


def choose(test, key: str, digits: list[int]) -> None:
    test.session_state[key] = digits
    test.run()
    assert not test.exception


def test_figures_and_mistakes_are_those_of_the_model(test_page, result):
    assert [metric.value for metric in test_page.metric] == [
        f"{result.accuracy:.2%}",
        str(len(result.errors)),
        "1,297",
    ]
    shown = text(test_page)
    first = result.errors[0]
    assert shown.count("<figure>") == len(result.errors)
    assert f"<b>{result.labels[first]} → {result.predicted[first]}</b><br>" in shown
    assert f'alt="Digit {first}: a {result.labels[first]} read as {result.predicted[first]}"' in shown
    assert shown.index(f"no. {first}<") < shown.index(f"no. {result.errors[1]}<"), "the most confident first"


def test_filters_by_true_and_by_predicted_digit(test_page, result):
    kinds, counts = np.unique(
        np.stack([result.labels[result.errors], result.predicted[result.errors]]), axis=1, return_counts=True
    )
    true, read = kinds[:, counts.argmax()].tolist()
    choose(test_page, "true", [true])
    assert text(test_page).count("<figure>") == (result.labels[result.errors] == true).sum()
    choose(test_page, "predicted", [read])
    assert text(test_page).count("<figure>") == counts.max()
    choose(test_page, "predicted", [true])
    assert any("No mistake of this kind" in info.value for info in test_page.info)


def test_at_most_a_hundred_at_a_time(page, result, make_run, with_sample, monkeypatch):
    """A model that reads everything as a 0 has more mistakes than fit on a page."""
    zeros = np.zeros((1, 10), np.float32)
    zeros[0, 0] = 1
    monkeypatch.setattr(inference.Model, "__call__", lambda self, images: np.repeat(zeros, len(images), axis=0))
    test = page("errors")
    errors = int((with_sample.test.labels != 0).sum())
    assert text(test).count("<figure>") == 100
    assert f"1 to 100 of {errors}" in text(test)
    test.session_state[f"page-{errors}"] = 3
    test.run()
    assert f"201 to {errors} of {errors}" in text(test)


def test_a_split_without_a_mistake_says_so(page, flagship, with_sample, monkeypatch):
    labels = np.eye(10, dtype=np.float32)[with_sample.test.labels]
    monkeypatch.setattr(inference.Model, "__call__", lambda self, images: labels)
    test = page("errors")
    assert [success.value for success in test.success] == ["No digit of this split is misread."]


def test_disputed_labels_are_told_with_their_votes_and_left_out_of_a_second_accuracy(
    page, flagship, models, sample, monkeypatch
):
    result = evaluation.evaluate(inference.load("flagship", models), sample.test)
    wrong = int(result.errors[0])
    dispute = disputed.Dispute(wrong, int(result.labels[wrong]), 7, 1, 4, 0)
    monkeypatch.setattr(datasets, "load_or_sample", lambda *_, **__: (replace(sample, name="mnist"), None))
    monkeypatch.setattr(disputed, "disputes", lambda: {wrong: dispute})
    test = page("errors")
    figures = {metric.label: metric.value for metric in test.metric}
    assert figures["Accuracy"] == f"{result.accuracy:.2%}"
    assert figures["Without disputed"] == f"{result.accuracy_without(np.array([wrong])):.2%}"
    assert figures["Accuracy"] != figures["Without disputed"]
    assert f"raters: {dispute}" in text(test)
    test.selectbox(key="split").set_value("train").run()
    assert "Without disputed" not in [metric.label for metric in test.metric]


def test_the_offline_sample_has_no_disputed_labels(test_page):
    assert "raters" not in text(test_page)
