"""Text for people: rounded durations, and untrusted text made safe for Markdown."""

import re
import unicodedata

MAX_QUOTED_CHARACTERS = 40  # of untrusted text
ISOLATE, POP_ISOLATE = "\u2068", "\u2069"  # Unicode controls around text with its own direction


def format_duration(seconds: float) -> str:
    """Return a duration in rounded seconds, minutes or hours."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def escape_markdown(text: str) -> str:
    """Escape text for Markdown, and remove control characters."""
    visible = "".join(
        character if unicodedata.category(character)[0] != "C" else " " if character.isspace() else ""
        for character in text
    )
    return re.sub(r"([\\`*_\[\]<>$~|])", r"\\\1", visible)


def code_span(text: str) -> str:
    """Return untrusted text, such as a file name, as a Markdown code span of at most MAX_QUOTED_CHARACTERS.

    The text cannot change the order of the words around it.
    """
    # A file name may have a million characters.
    visible = "".join(character for character in text[:1000] if unicodedata.category(character)[0] != "C")
    words = " ".join(visible.replace("`", "").split())
    if not words:
        return "nothing"
    shown = words if len(words) <= MAX_QUOTED_CHARACTERS else f"{words[: MAX_QUOTED_CHARACTERS - 1]}…"
    # Right-to-left letters would reorder the punctuation and numbers around them.
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in shown):
        shown = f"{ISOLATE}{shown}{POP_ISOLATE}"
    return f"`{shown}`"
