"""Numbers the way one would say them, and strangers' words so that they do no harm."""

import re
import unicodedata

QUOTED = 40  # characters of a stranger's words that are shown
ISOLATE, POP_ISOLATE = "\u2068", "\u2069"  # around text whose direction is its own


def format_duration(seconds: float) -> str:
    """Rounded seconds, minutes or hours."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def escape_markdown(text: str) -> str:
    """Text for a place that understands Markdown, in which it must mean nothing but itself."""
    visible = "".join(
        character if unicodedata.category(character)[0] != "C" else " " if character.isspace() else ""
        for character in text
    )
    return re.sub(r"([\\`*_\[\]<>$~|])", r"\\\1", visible)


def code_span(text: str) -> str:
    """A stranger's words, such as part of an address or a file's name, as code for a sentence in Markdown.

    There they mean nothing, and what is around them keeps its order. The longest are cut.
    """
    # Only the beginning: a name may have a million characters.
    visible = "".join(character for character in text[:1000] if unicodedata.category(character)[0] != "C")
    words = " ".join(visible.replace("`", "").split())
    if not words:
        return "nothing"
    shown = words if len(words) <= QUOTED else f"{words[: QUOTED - 1]}…"
    # Letters that run from right to left would take punctuation and numbers around them along.
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in shown):
        shown = f"{ISOLATE}{shown}{POP_ISOLATE}"
    return f"`{shown}`"
