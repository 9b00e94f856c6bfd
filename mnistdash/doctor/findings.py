"""What a check finds, and how that is said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

OK, WARNING, PROBLEM = "ok", "warning", "problem"
REINSTALL = "Run: pip install -r requirements.txt"


@dataclass(frozen=True)
class Finding:
    """What one look at the installation found.

    Attributes:
        level: "ok", "warning" (it works, but not as well as it could) or "problem" (something does not work).
        what: one sentence.
        advice: what to do about it; "" where nothing needs to be done.
    """

    level: str
    what: str
    advice: str = ""


def guarded(subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a check, and one more where it breaks off."""
    try:
        yield from check()
    except ImportError as error:
        yield Finding(PROBLEM, f"{subject} cannot be checked: {words(error)}", REINSTALL)
    except Exception as error:
        yield Finding(PROBLEM, f"{subject} cannot be checked: {words(error)}")


def size(count: int) -> str:
    """Bytes in words: "1.6 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def words(error: Exception) -> str:
    """An error in a sentence."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text if text.endswith(".") else f"{text}."
