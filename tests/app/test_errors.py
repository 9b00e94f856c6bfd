import json
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from page_text import clickable, text
from streamlit.testing.v1 import AppTest

from mnistdash.data import label_votes
from mnistdash.data import sample as data_sample
from mnistdash.evaluation import metrics
from mnistdash.inference import model
from mnistdash.runs import annotations, store
from mnistdash.runs.annotations import Annotation
from mnistdash.settings import PROJECT
from mnistdash.ui import widgets
from mnistdash.ui.errors.gallery import select_digits
from mnistdash.ui.errors.query_state import QueryState

TIMEOUT = 90  # seconds


@pytest.fixture
def result(flagship, models, with_sample):
    """Return the flagship's evaluation on the sample's training split, where it makes enough errors."""
    return metrics.evaluate(model.load_model("flagship", models), with_sample.train)


@pytest.fixture
def visit(models, flagship, with_sample) -> Callable[..., AppTest]:
    """Return a function that follows a link to the page: visit(split="train", digit=3)."""

    def follow(**parameters: object) -> AppTest:
        test = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=TIMEOUT)
        test.switch_page("pages/errors.py")
        for name, value in parameters.items():
            test.query_params[name] = str(value)
        test.run()
        while test.get("progress"):  # predicting the split
            time.sleep(0.2)
            test.run()
        assert not test.exception
        return test

    return follow


def gallery(test: AppTest) -> str:
    return next(html for html in clickable(test) if "md-gallery" in html)


def listed(test: AppTest) -> list[int]:
    return test.session_state["listed"]


def listed_by(result: metrics.Evaluation) -> list[int]:
    """Return the indices of the errors in gallery order."""
    return select_digits(result, QueryState(), {}).tolist()


def disturbed_view(test: AppTest) -> list[str]:
    """Return the parts of an open digit's HTML that depend on the sliders."""
    shown = [element.proto.body for element in test.get("html")]
    return [html for html in shown if "md-flips" in html or "md-view" in html]


def answer(monkeypatch, change) -> None:
    """Replace every model's predictions by change(images), (n, 10) probabilities."""
    monkeypatch.setattr(
        model.Model,
        "predict_with_features",
        lambda self, images: (change(images), np.eye(70, dtype=np.float32)[images[:, 14, 14] % 70]),
    )


def test_metrics_errors_and_matrix_match_the_model(visit, result):
    test = visit(split="train")
    assert [metric.value for metric in test.metric] == [f"{result.accuracy:.2%}", str(len(result.errors)), "1,297"]
    shown = gallery(test)
    assert shown.count("<figure>") == len(result.errors)
    first, second = result.errors[:2]
    assert f"<b>{result.labels[first]} → {result.predicted[first]}</b><br>" in shown
    assert f'data-pick="{first}" data-kind="{result.labels[first]},{result.predicted[first]}"' in shown
    assert shown.index(f"no. {first}<") < shown.index(f"no. {second}<"), "most confident first"
    matrix = next(html for html in clickable(test) if "md-matrix" in html)
    for true in range(10):
        for predicted in range(10):
            count, total = result.confusion[true, predicted], result.confusion[true].sum()
            name = f"{count:,} of {total:,}: a {true} predicted as {predicted}"
            assert f'aria-label="{name}"' in matrix


def test_a_link_to_a_cell_shows_only_its_digits(visit, result):
    kinds, counts = np.unique(
        np.stack([result.labels[result.errors], result.predicted[result.errors]]), axis=1, return_counts=True
    )
    true, predicted = kinds[:, counts.argmax()].tolist()
    test = visit(split="train", true=true, predicted=predicted)
    assert gallery(test).count("<figure>") == counts.max()
    assert test.button(key="let_go").label == f"True {true}, predicted {predicted}"
    test.button(key="let_go").click().run()
    assert gallery(test).count("<figure>") == len(result.errors)
    assert "true" not in test.query_params
    assert "No digits match" in text(visit(split="train", true=true, predicted=true))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "whole"),
    [
        ({}, True),
        ({"true": 3}, True),
        ({"show": "correct", "true": 1, "predicted": 1}, False),
        ({"show": "all", "true": 1}, False),
    ],
)
def test_a_small_gallery_is_sent_whole_and_filtered_by_the_matrix(visit, link, whole):
    test = visit(split="train", **link)
    shown = [json.loads(element.proto.json) for element in test.get("bidi_component")]
    kinds = [data["kind"] for data in shown if "kind" in data]
    assert (f"{link.get('true', '')}," in kinds) == whole
    assert set(kinds) - {f"{link.get('true', '')},"} == {None}, "only the gallery is filtered"


def test_filter_and_order_can_be_chosen_and_are_in_the_address(visit, result):
    test = visit(split="train")
    test.selectbox(key="show").set_value("correct").run()
    assert test.query_params["show"] == "correct"
    assert test.selectbox(key="sort").value == "least-confident"
    assert listed(test) == select_digits(result, QueryState(show="correct"), {}).tolist()
    test.selectbox(key="sort").set_value("margin").run()
    assert test.query_params["sort"] == "margin"
    assert listed(test) == select_digits(result, QueryState(show="correct", sort="margin"), {}).tolist()


@pytest.mark.slow
def test_a_page_shows_at_most_a_hundred_digits(visit, result):
    test = visit(split="train", show="all", sort="position")
    assert gallery(test).count("<figure>") == 100
    assert "1 to 100 of 1,297" in text(test)
    test = visit(split="train", show="all", sort="position", page=13)
    assert gallery(test).count("<figure>") == 97
    assert "1,201 to 1,297 of 1,297" in text(test)


@pytest.mark.slow
def test_a_split_without_errors_has_a_message(visit, with_sample, monkeypatch):
    truth = {
        image.tobytes(): label for image, label in zip(with_sample.test.images, with_sample.test.labels, strict=True)
    }
    answer(monkeypatch, lambda images: np.eye(10, dtype=np.float32)[[truth.get(i.tobytes(), 0) for i in images]])
    test = visit()
    assert [success.value for success in test.success] == ["No errors in this split."]


def test_an_open_digit_shows_evidence_probabilities_and_similar_digits(visit, result, with_sample):
    index = int(result.errors[0])
    true, predicted = result.labels[index], result.predicted[index]
    test = visit(split="train", digit=index)
    shown = text(test)
    assert f"Training digit no. {index:,}: a {true} predicted as {predicted}" in shown
    assert f"Evidence for {predicted}, the prediction" in shown
    assert f"Evidence for {true}, the true digit" in shown
    for probability in result.probabilities[index]:
        assert f">{probability:.1%}<" in shown
    neighbors = next(html for html in (e.proto.body for e in test.get("html")) if "md-gallery" in html)
    assert neighbors.count("<figure>") == 8
    assert f"no. {index}<" not in neighbors, "a digit is not similar to itself"


def test_previous_next_and_back_follow_the_list(visit, result):
    listed = select_digits(result, QueryState(true=None), {}).tolist()
    test = visit(split="train", digit=listed[1])
    assert f"2 of {len(listed)}" in text(test)
    test.button(key="next").click().run()
    assert test.query_params["digit"] == str(listed[2])
    test.button(key="previous").click().run()
    test.button(key="previous").click().run()
    assert test.query_params["digit"] == str(listed[0])
    assert test.button(key="previous").disabled
    test.button(key="back").click().run()
    assert "digit" not in test.query_params
    assert gallery(test).count("<figure>") == len(listed)


@pytest.mark.slow
def test_the_filter_survives_opening_a_digit(visit, result):
    true = int(result.labels[result.errors[0]])
    test = visit(split="train", true=true, digit=int(result.errors[0]))
    test.button(key="back").click().run()
    assert test.query_params["true"] == str(true)
    assert gallery(test).count("<figure>") == (result.labels[result.errors] == true).sum()


@pytest.mark.slow
def test_the_matrix_settings_are_in_the_address_and_keep_the_page_of_the_list(visit, result):
    test = visit(split="train", show="all", page=2)
    test.segmented_control(key="unit").set_value("shares").run()
    test.toggle(key="diagonal").set_value(False).run()
    assert (test.query_params["unit"], test.query_params["diagonal"]) == ("shares", "hidden")
    assert "101 to 200" in text(test), "the second page stays open"
    looks = next(html for html in clickable(test) if "md-matrix" in html)
    again = visit(split="train", show="all", page=2, unit="shares", diagonal="hidden")
    assert next(html for html in clickable(again) if "md-matrix" in html) == looks
    assert again.segmented_control(key="unit").value == "shares"
    assert not again.toggle(key="diagonal").value
    again.toggle(key="diagonal").set_value(True).run()
    assert "diagonal" not in again.query_params


@pytest.mark.slow
def test_a_link_perturbs_the_open_digit_and_the_next_ones_until_it_is_closed(visit, result):
    first, second = listed_by(result)[:2]
    test = visit(split="train", digit=first, turn=45, noise=0.2)
    test.segmented_control(key="flips").set_value("stroke").run()
    assert (test.slider(key="turn").value, test.slider(key="noise").value) == (45, 0.2)
    assert test.query_params["flips"] == "stroke"
    again = visit(split="train", digit=first, turn=45, noise=0.2, flips="stroke")
    assert disturbed_view(again) == disturbed_view(test)
    test.button(key="next").click().run()
    assert test.query_params["digit"] == str(second)
    assert test.slider(key="turn").value == 45
    test.button(key="back").click().run()
    assert not {"turn", "noise", "flips", "digit"} & test.query_params.keys()
    test.query_params["digit"] = str(second)
    test.run()
    assert test.slider(key="turn").value == 0, "a digit opened later starts unperturbed"


@pytest.mark.slow
def test_two_simultaneous_changes_both_apply(visit, result):
    test = visit(split="train")
    test.selectbox(key="sort").set_value("margin")
    test.segmented_control(key="unit").set_value("shares").run()
    assert (test.query_params["sort"], test.query_params["unit"]) == ("margin", "shares")


def test_marks_and_notes_are_saved_and_listed(visit, result, flagship):
    index = int(result.errors[0])
    test = visit(split="train", digit=index)
    test.segmented_control(key="mark").set_value("ambiguous").run()
    test.text_input(key="note").set_value("4 or 9").run()
    assert annotations.load_annotations(flagship, "sample", "train") == {index: Annotation("ambiguous", "4 or 9")}
    test = visit(split="train", show="marked")
    assert listed(test) == [index]
    assert "ambiguous" in gallery(test)
    test = visit(split="train", digit=index)
    assert test.segmented_control(key="mark").value == "ambiguous"
    assert test.text_input(key="note").value == "4 or 9"
    test.segmented_control(key="mark").set_value(None).run()
    test.text_input(key="note").set_value("").run()
    assert annotations.load_annotations(flagship, "sample", "train") == {}
    assert "No marked digits yet" in text(visit(split="train", show="marked"))


@pytest.mark.slow
def test_damaged_marks_are_reported_and_the_page_stays_usable(visit, flagship, result):
    (flagship.folder / annotations.FILE).write_text("{")
    test = visit(split="train")
    assert "marks.json cannot be read" in test.error[0].value
    assert gallery(test).count("<figure>") == len(result.errors)


def test_an_invalid_link_gets_a_sentence_for_each_parameter_and_the_others_apply(visit, result):
    test = visit(split="train", digit=99999, true=3, section="cellar")
    (warning,) = test.warning
    assert "Invalid digit `99999` in the link: expected a number from 0 to 1,296." in warning.value
    assert "Invalid section `cellar` in the link" in warning.value
    assert gallery(test).count("<figure>") == (result.labels[result.errors] == 3).sum()
    assert not {"digit", "section"} & test.query_params.keys()
    (warning,) = visit(model="gone", split="exam").warning
    assert "Invalid model `gone` in the link" in warning.value
    assert "Invalid split `exam` in the link" in warning.value
    test = visit(digit=3, turn="upside-down", flips="shift")
    assert test.warning[0].value == "Invalid turn `upside-down` in the link: expected a number from -60 to 60."
    assert "turn" not in test.query_params
    assert test.slider(key="turn").value == 0


@pytest.mark.slow
@pytest.mark.parametrize("level", ["nan", "1e309", "9" * 5_000, "٣", "<b>"])
def test_any_level_in_a_link_opens_the_digit(visit, level):
    test = visit(digit=3, turn=level)
    assert -60 <= test.slider(key="turn").value <= 60
    assert "md-flips" in text(test)


@pytest.mark.slow
def test_an_invalid_link_is_reported_after_the_digits_are_classified(visit, monkeypatch):
    monkeypatch.setattr(widgets, "QUICK_SECONDS", 0)
    (warning,) = visit(model="gone", digit="x").warning
    assert "Invalid model `gone`" in warning.value
    assert "Invalid digit `x`" in warning.value


@pytest.mark.parametrize(
    ("link", "state"),
    [
        ({"show": "right", "sort": "unsure"}, QueryState(show="correct", sort="least-confident")),
        ({"show": "misread", "sort": "sure"}, QueryState()),
    ],
)
def test_a_link_of_an_earlier_version_shows_the_same_list(visit, result, link, state):
    test = visit(split="train", **link)
    assert not test.warning
    assert listed(test) == select_digits(result, state, {}).tolist()


@pytest.mark.slow
def test_calibration_and_selective_prediction_are_described_in_words(visit, result):
    test = visit(split="train", section="confidence")
    assert f"Expected calibration error: {100 * result.calibration_error:.2f} percentage points" in text(test)
    refused, right = result.selective_accuracy
    place = np.searchsorted(refused, 0.01)
    assert f"from {result.accuracy:.2%} to {right[place]:.2%}" in text(test)


@pytest.mark.slow
def test_two_models_are_compared(visit, make_run, with_sample, models, flagship):
    assert "There is only one model" in text(visit(section="compare"))
    make_run("twin", card={"name": "twin"})
    test = visit(section="compare", split="train")
    assert test.selectbox(key="other").value == "twin"
    assert test.query_params["other"] == "twin", "new models may change the default"
    assert "flagship and twin misclassify the same digits" in text(test)
    assert test.metric[2].label == "Errors of both models"
    test.segmented_control(key="group").set_value("both").run()
    assert listed(test) == sorted(listed(test))
    assert len(listed(test)) == int(test.metric[2].value)
    assert "twin: " in gallery(test)


@pytest.mark.slow
def test_the_least_likely_label_comes_first(visit, result):
    test = visit(split="train", section="labels")
    worst = int(result.losses.argmax())
    assert listed(test)[0] == worst
    assert "quality 0.0" in gallery(test)


@pytest.mark.slow
def test_results_on_training_digits_are_called_optimistic(visit, make_run):
    make_run("here", events=[], card={"status": "finished", "data": "sample"})
    assert "these results are optimistic" in text(visit(model="here", split="train"))
    assert "The model was trained on these labels" in text(visit(model="here", split="train", section="labels"))


@pytest.mark.slow
def test_disputed_labels_show_their_votes_and_are_excluded_from_a_second_accuracy(
    models, flagship, visit, sample, monkeypatch
):
    result = metrics.evaluate(model.load_model("flagship", models), sample.test)
    wrong = int(result.errors[0])
    dispute = f"1 for {result.labels[wrong]}, 4 for 7"
    monkeypatch.setattr(data_sample, "load_mnist_or_sample", lambda *_, **__: (replace(sample, name="mnist"), None))
    monkeypatch.setattr(label_votes, "load_label_votes", lambda: {wrong: dispute})
    test = visit()
    figures = {metric.label: metric.value for metric in test.metric}
    assert figures["Accuracy"] == f"{result.accuracy:.2%}"
    assert figures["Excluding disputed"] == f"{result.accuracy_without(np.array([wrong])):.2%}"
    assert figures["Accuracy"] != figures["Excluding disputed"]
    assert f"raters: {dispute}" in gallery(test)
    assert f"Five human raters on this label: **{dispute}**" in text(visit(digit=wrong))
    assert "Excluding disputed" not in [metric.label for metric in visit(split="train").metric]


@pytest.mark.slow
def test_the_offline_sample_has_no_disputed_labels(visit):
    assert "raters" not in text(visit(split="train"))


@pytest.mark.slow
def test_the_flagship_is_evaluated_on_mnist(models, flagship, visit, mnist, monkeypatch):
    """Indices and labels are MNIST's, and votes come from the published list."""
    monkeypatch.setattr(data_sample, "load_mnist_or_sample", lambda *_, **__: (mnist, None))
    test = visit()
    shown = gallery(test)
    answers = model.load_model("flagship", models)(mnist.test.images)
    wrong = np.flatnonzero(answers.argmax(1) != mnist.test.labels)
    assert sorted(listed(test)) == wrong.tolist()
    assert {metric.label: metric.value for metric in test.metric}["Accuracy"] == f"{flagship.card.test_accuracy:.2%}"
    for index in wrong.tolist():
        assert f'data-pick="{index}" data-kind="{mnist.test.labels[index]},{answers[index].argmax()}"' in shown
    votes = label_votes.load_label_votes()
    for index in set(votes) & set(wrong.tolist()):
        assert f"raters: {votes[index]}" in shown
    assert shown.count("raters: ") == len(set(votes) & set(wrong.tolist()))


@pytest.mark.slow
def test_renaming_a_model_keeps_its_analysis_and_annotations(visit, make_run, models):
    folder = make_run("mine", card={"name": "mine"})
    visit(model="mine")
    annotations.save_annotation(store.load_run(folder), "sample", "test", 3, Annotation("ambiguous"))
    run = store.load_run(folder)
    store.rename_run(run, "ours")
    assert (models / "ours" / "analysis" / "sample-test.npz").is_file()
    assert annotations.load_annotations(store.load_run(models / "ours"), "sample", "test") == {
        3: Annotation("ambiguous")
    }
