import pytest
from pen import STROKES, draw


@pytest.mark.smoke
def test_a_drawn_digit_is_predicted(small_server, open_visitor):
    visitor = open_visitor(small_server)
    visitor.visit("/draw")
    visitor.page.locator(".st-key-canvas canvas").last.wait_for()
    draw(visitor.page, STROKES[7])
    assert visitor.wait_for("prediction", "%").strip().startswith("7")
