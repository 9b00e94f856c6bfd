import pytest

from mnistdash.text import code_span, escape_markdown, format_duration


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (12.4, "12 s"), (89, "89 s"), (200, "3 min"), (5000, "83 min"), (9000, "2.5 h")]
)
def test_durations_are_rounded(seconds, said):
    assert format_duration(seconds) == said


def test_a_code_span_shows_untrusted_text_verbatim():
    assert code_span("a*b*`c`") == "`a*b*c`"
    assert code_span("\x00\u202e") == "nothing"
    assert code_span("x" * 1_000_000) == f"`{39 * 'x'}…`"
    assert code_span("שלום 1") == "`\u2068שלום 1\u2069`"


def test_markdown_is_escaped():
    assert escape_markdown("**a** <b> [x](y)\x00\u202e\n") == r"\*\*a\*\* \<b\> \[x\](y) "
