import re


def test_the_gallery_shows_true_and_predicted_labels(server, open_visitor):
    visitor = open_visitor(server)
    visitor.visit("/errors")
    visitor.page.locator(".st-key-gallery figcaption").first.wait_for()
    captions = visitor.page.locator(".st-key-gallery figcaption").all_inner_texts()
    for caption in captions:
        true, read, sure = re.match(r"(\d) → (\d)\s+>?([\d.]+)% sure", caption).groups()
        assert true != read
        assert 10 <= float(sure) <= 100
    shares = [float(re.search(r"([\d.]+)% sure", caption).group(1)) for caption in captions]
    assert shares == sorted(shares, reverse=True)
    visitor.page.locator(".st-key-confusion .heatmaplayer").wait_for(state="attached")
    pictures = visitor.page.locator(".st-key-gallery img")
    assert pictures.first.evaluate("image => image.naturalWidth") == 28


def test_a_filter_narrows_the_gallery(server, open_visitor):
    visitor = open_visitor(server)
    visitor.visit("/errors")
    true = visitor.page.locator(".st-key-gallery figcaption b").first.inner_text()[0]
    visitor.page.locator(".st-key-true").get_by_role("button", name=true, exact=True).click()
    visitor.settle()
    visitor.page.wait_for_timeout(500)
    labels = visitor.page.locator(".st-key-gallery figcaption b").all_inner_texts()
    assert labels
    assert {label[0] for label in labels} == {true}
