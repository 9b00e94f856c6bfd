import re

import pytest
from pen import draw

pytestmark = pytest.mark.slow

FIGURES = ".st-key-gallery figcaption:visible"
SPLIT = "train"
TITLE = "[data-testid=stMain] h3"


@pytest.fixture
def visitor(small_server, open_visitor):
    """Open the sample's training split, where the flagship makes enough errors."""
    visitor = open_visitor(small_server)
    visitor.visit(f"/errors?split={SPLIT}")
    visitor.page.locator(FIGURES).first.wait_for()
    return visitor


def captions(visitor) -> list[str]:
    return visitor.page.locator(FIGURES).all_inner_texts()


def cell(visitor) -> tuple[int, int]:
    """Return the true and predicted digit of a cell with errors, preferably 4 and 9."""
    cells = visitor.page.locator(".md-matrix .wrong")
    cells.first.wait_for()  # may appear after the gallery
    picks = cells.evaluate_all("cells => cells.map(one => one.dataset.pick)")
    true, predicted = ("4,9" if "4,9" in picks else picks[0]).split(",")
    return int(true), int(predicted)


def press(visitor, pick: str) -> None:
    visitor.page.locator(f'[data-pick="{pick}"]').click()
    visitor.page.wait_for_timeout(300)
    visitor.settle()


def test_the_gallery_shows_true_and_predicted_labels(visitor):
    shown = captions(visitor)
    for caption in shown:
        true, predicted, confidence = re.match(r"(\d) → (\d)\s+>?([\d.]+)%", caption).groups()
        assert true != predicted
        assert 10 <= float(confidence) <= 100
    shares = [float(re.search(r"([\d.]+)%", caption).group(1)) for caption in shown]
    assert shares == sorted(shares, reverse=True)
    sizes = visitor.page.locator(".st-key-gallery .digit:visible").first.bounding_box()
    assert sizes["width"] == pytest.approx(sizes["height"], abs=1)
    assert sizes["width"] > 60, "large enough to recognize"


def test_a_cell_leads_to_a_digit_that_can_be_shared_and_edited_on_draw(server, open_visitor, mnist_or_none):
    visitor = open_visitor(server)
    visitor.visit("/errors" if mnist_or_none else f"/errors?split={SPLIT}")
    visitor.page.locator(FIGURES).first.wait_for()
    true, predicted = cell(visitor)
    press(visitor, f"{true},{predicted}")
    shown = captions(visitor)
    assert shown
    assert all(caption.startswith(f"{true} → {predicted}") for caption in shown), "only digits of the cell"
    visitor.page.locator(".st-key-gallery button:visible").first.click()
    visitor.page.locator(".st-key-pictures img").first.wait_for()
    visitor.settle()
    title = visitor.page.locator(TITLE).first.inner_text()
    assert f"a {true} predicted as {predicted}" in title

    colleague = open_visitor(server)
    colleague.page.goto(visitor.page.url)
    colleague.page.locator(".st-key-pictures img").first.wait_for()
    colleague.settle()
    assert colleague.page.locator(TITLE).first.inner_text() == title
    colleague.press("back")
    colleague.page.locator(FIGURES).first.wait_for()
    assert captions(colleague) == shown

    visitor.press("fix")
    visitor.page.get_by_role("heading", name="Draw", level=1).wait_for()
    visitor.settle()
    assert title in visitor.page.locator(".st-key-handed").inner_text()
    before = visitor.wait_for("prediction", "%|Not a digit")
    visitor.page.locator(".st-key-tool").get_by_text("Eraser", exact=True).click()
    visitor.settle()
    for height in (0.3, 0.36, 0.42, 0.24):  # erase the top row by row
        draw(visitor.page, [[(0.15, height), (0.9, height)]])
        visitor.page.wait_for_timeout(700)
    assert visitor.text("prediction") != before, "erasing changes the prediction"

    visitor.page.locator(".st-key-handed").get_by_role("link").click()
    visitor.page.get_by_role("heading", name="Errors", level=1).wait_for()
    visitor.page.locator(".st-key-pictures img").first.wait_for()
    assert visitor.page.locator(TITLE).first.inner_text() == title
    visitor.press("back")
    visitor.page.locator(FIGURES).first.wait_for()
    visitor.settle()
    assert captions(visitor) == shown, "the filter is kept"


def test_a_link_to_a_perturbed_digit_shows_a_colleague_the_same(visitor, small_server, open_visitor):
    visitor.page.locator(".st-key-diagonal label").first.click()
    visitor.page.wait_for_url("**diagonal=hidden**")
    visitor.settle()
    visitor.page.locator(".st-key-gallery button:visible").first.click()
    visitor.page.locator(".st-key-neighbours figure").first.wait_for()
    visitor.settle()
    before = visitor.page.locator(".st-key-disturbed-probabilities").inner_html()
    for degrees in (5, 10, 15):
        visitor.page.get_by_role("slider", name="Turn clockwise").press("ArrowRight")
        visitor.page.wait_for_url(f"**turn={degrees}**")
        visitor.settle()
    shown = visitor.page.locator(".st-key-disturbed-probabilities").inner_html()
    assert shown != before

    colleague = open_visitor(small_server)
    colleague.page.goto(visitor.page.url)
    colleague.page.locator(".st-key-disturbed-flips .md-flips").wait_for()
    colleague.settle()
    assert colleague.page.get_by_role("slider", name="Turn clockwise").input_value() == "15"
    assert colleague.page.locator(".st-key-disturbed-probabilities").inner_html() == shown
    colleague.press("back")
    colleague.page.locator(FIGURES).first.wait_for()
    colleague.settle()
    assert not colleague.page.locator(".st-key-diagonal input").is_checked()
    assert "turn" not in colleague.page.url


def test_browser_back_returns_from_a_digit_a_cell_and_a_section(visitor):
    """Sliders change the address without adding to the history."""
    everything = captions(visitor)
    true, predicted = cell(visitor)
    press(visitor, f"{true},{predicted}")
    filtered = captions(visitor)
    visitor.page.locator(".st-key-gallery button:visible").first.click()
    visitor.page.locator(".st-key-neighbours figure").first.wait_for()
    visitor.settle()
    for degrees in (5, 10):
        visitor.page.get_by_role("slider", name="Turn clockwise").press("ArrowRight")
        visitor.page.wait_for_url(f"**turn={degrees}**")
        visitor.settle()
    visitor.page.go_back()
    visitor.page.locator(FIGURES).first.wait_for()
    visitor.settle()
    assert captions(visitor) == filtered
    visitor.page.go_back()
    visitor.page.locator(".st-key-let_go").wait_for(state="detached")
    visitor.settle()
    assert captions(visitor) == everything
    visitor.page.locator(".st-key-section").get_by_text("Confidence").click()
    visitor.page.locator(".st-key-reliability").wait_for()
    visitor.settle()
    visitor.page.go_back()
    visitor.page.locator(FIGURES).first.wait_for()
    visitor.settle()
    assert captions(visitor) == everything


def test_rows_columns_and_cells_filter_the_gallery_until_pressed_again(visitor):
    everything = captions(visitor)
    true, predicted = cell(visitor)
    press(visitor, f"{true},")
    assert {caption[0] for caption in captions(visitor)} == {str(true)}
    press(visitor, f",{predicted}")
    assert {caption[4] for caption in captions(visitor)} == {str(predicted)}
    press(visitor, f",{predicted}")
    assert captions(visitor) == everything
    press(visitor, f"{true},{true}")
    assert {caption[:5] for caption in captions(visitor)} == {f"{true} → {true}"}, (
        "the diagonal has correct predictions"
    )
    assert "show=correct" in visitor.page.url
    press(visitor, f"{true},{predicted}")
    assert "show=correct" not in visitor.page.url


def test_a_cell_filters_the_gallery_before_the_server_answers(visitor, small_server):
    everything = captions(visitor)
    true, predicted = cell(visitor)
    part = visitor.page.locator(f'[data-pick="{true},{predicted}"]')
    small_server.process.suspend()
    try:
        part.click()
        at_once, pressed = captions(visitor), part.get_attribute("aria-pressed")
    finally:
        small_server.process.resume()
    assert at_once == [caption for caption in everything if caption.startswith(f"{true} → {predicted}")]
    assert at_once
    assert pressed == "true"
    visitor.page.locator(".st-key-let_go").wait_for()
    visitor.settle()
    assert captions(visitor) == at_once, "the server agrees"
    small_server.process.suspend()
    try:
        part.click()
        assert captions(visitor) == everything, "pressing again clears the filter"
    finally:
        small_server.process.resume()
    visitor.page.locator(".st-key-let_go").wait_for(state="detached")
    visitor.settle()
    assert captions(visitor) == everything


def test_a_cell_pressed_by_keyboard_keeps_the_focus(visitor):
    true, predicted = cell(visitor)
    visitor.page.locator(f'[data-pick="{true},{predicted}"]').focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.locator(f'[data-pick="{true},{predicted}"][aria-pressed="true"]').wait_for()
    visitor.settle()
    assert visitor.page.evaluate("document.activeElement.dataset.pick") == f"{true},{predicted}"


def test_the_listed_digits_can_be_downloaded(visitor):
    count = len(captions(visitor))
    with visitor.page.expect_download() as download:
        visitor.page.locator(".st-key-csv").get_by_role("button", name="CSV").click()
    table = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename == f"flagship-{SPLIT}.csv"
    assert len(table) == 1 + count
    with visitor.page.expect_download() as download:
        visitor.page.locator(".st-key-png").get_by_role("button", name="PNG").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("section", "there"),
    [
        ("confidence", ".st-key-refusal .js-plotly-plot"),
        ("robustness", ".st-key-robustness_state :text('Weakest point')"),
        ("map", ".st-key-digits_map .js-plotly-plot"),
        ("compare", "[data-testid=stAlert]:has-text('There is only one model')"),
        ("labels", ".st-key-gallery figure"),
    ],
)
def test_every_section_shows_its_content(small_server, open_visitor, section, there):
    visitor = open_visitor(small_server)
    visitor.visit(f"/errors?section={section}")
    visitor.page.locator(there).first.wait_for()
    assert visitor.page.get_by_test_id("stException").count() == 0


def test_the_page_fits_a_phone(small_server, open_visitor):
    visitor = open_visitor(small_server, width=390, height=844)
    visitor.visit(f"/errors?split={SPLIT}")
    visitor.page.locator(FIGURES).first.wait_for()
    wide = visitor.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
    visitor.page.locator(".st-key-gallery button:visible").first.click()
    visitor.page.locator(".st-key-pictures img").first.wait_for()
    visitor.page.locator(".st-key-neighbours figure").first.wait_for()
    assert visitor.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_an_invalid_link_is_explained(small_server, open_visitor):
    visitor = open_visitor(small_server)
    visitor.visit(f"/errors?split={SPLIT}&model=gone&digit=x")
    warning = visitor.page.get_by_test_id("stAlert").first.inner_text()
    assert "Invalid model gone in the link: expected the name of a model." in warning
    assert "Invalid digit x in the link: expected a number from 0 to" in warning
    visitor.page.locator(FIGURES).first.wait_for()
