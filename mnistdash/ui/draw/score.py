"""How many of a session's last drawings were read right, as the one who drew them says."""

from dataclasses import dataclass, field

from mnistdash.inference.recognize import NOT_A_DIGIT, DigitPrediction

LENGTH = 20  # drawings that count


@dataclass(frozen=True)
class Drawing:
    """One drawing that someone has said the truth about."""

    number: int
    truth: int
    reading: DigitPrediction

    @property
    def is_right(self) -> bool:
        """Whether the true digit was read."""
        return self.truth == self.reading.digit and self.reading.verdict != NOT_A_DIGIT


@dataclass
class Score:
    """The last drawings that were counted, oldest first."""

    drawings: list[Drawing] = field(default_factory=list)

    def count(self, number: int, truth: int, reading: DigitPrediction) -> None:
        """Count a drawing; its number tells it from others, and the last word on it stands."""
        self.forget(number)
        self.drawings = [*self.drawings, Drawing(number, truth, reading)][-LENGTH:]

    def forget(self, number: int) -> None:
        """Take a drawing back out."""
        self.drawings = [drawing for drawing in self.drawings if drawing.number != number]

    @property
    def counted(self) -> int:
        """How many drawings count, at most LENGTH."""
        return len(self.drawings)

    @property
    def right(self) -> int:
        """How many of them were read right."""
        return self.counted - len(self.misread)

    @property
    def misread(self) -> list[Drawing]:
        """Those that were not read right, newest first; a digit taken for none was not."""
        return [drawing for drawing in reversed(self.drawings) if not drawing.is_right]
