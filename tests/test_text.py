import pytest

from mnistdash.text import format_duration


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (12.4, "12 s"), (89, "89 s"), (200, "3 min"), (5000, "83 min"), (9000, "2.5 h")]
)
def test_durations_are_rounded_as_one_would_say_them(seconds, said):
    assert format_duration(seconds) == said
