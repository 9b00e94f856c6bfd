"""Accuracy on a session's last drawings, by the true digits that the user selects."""

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from mnistdash.inference.recognize import NOT_A_DIGIT, DigitPrediction, Recognition
from mnistdash.ui.draw.answer import to_uint8
from mnistdash.ui.html import digits as html

MAX_DRAWINGS = 20


@dataclass(frozen=True)
class LabeledDrawing:
    """A drawing with its true digit."""

    number: int
    truth: int
    prediction: DigitPrediction

    @property
    def is_correct(self) -> bool:
        """Return True if the true digit was predicted."""
        return self.truth == self.prediction.digit and self.prediction.verdict != NOT_A_DIGIT


@dataclass
class Score:
    """The last MAX_DRAWINGS labeled drawings, oldest first."""

    drawings: list[LabeledDrawing] = field(default_factory=list)

    def label(self, number: int, truth: int | None, prediction: DigitPrediction) -> None:
        """Set the true digit of a drawing, or remove it with None."""
        others = [drawing for drawing in self.drawings if drawing.number != number]
        labeled = [] if truth is None else [LabeledDrawing(number, truth, prediction)]
        self.drawings = (others + labeled)[-MAX_DRAWINGS:]

    @property
    def misclassified(self) -> list[LabeledDrawing]:
        """Incorrect drawings, newest first."""
        return [drawing for drawing in reversed(self.drawings) if not drawing.is_correct]


def ask(recognition: Recognition) -> None:
    """Ask for the true digit of a drawing, and show the score."""
    number, score = st.session_state.get("drawings", 0), _score()
    # In the session, not an argument of the callback: Streamlit keeps the callbacks of all drawings.
    st.session_state.asked = recognition.digits[0] if len(recognition.digits) == 1 else None
    with st.container(key="truth"):
        # Not the label of the pills, which is faint while they are disabled.
        st.markdown("Which digit did you draw?")
        st.pills(
            "The digit you drew",
            [str(digit) for digit in range(10)],
            key=f"truth_{number}",
            on_change=_label,
            args=(number,),
            disabled=st.session_state.asked is None,
            label_visibility="collapsed",
        )
        total = len(score.drawings)
        if total:
            drawings = f"your last {MAX_DRAWINGS} drawings" if total == MAX_DRAWINGS else f"{total}"
            st.markdown(f"**{total - len(score.misclassified)} of {drawings}** correct.")
        else:
            st.caption(f"Tracks accuracy over your last {MAX_DRAWINGS} drawings. Clear the canvas for the next one.")


def show_misclassified() -> None:
    """Show the drawings of the score that were misclassified, if any."""
    drawings = _score().misclassified
    if not drawings:
        return
    predictions = [drawing.prediction for drawing in drawings]
    st.subheader("Misclassified drawings", anchor=False)
    with st.container(key="misclassified"):
        st.html(
            html.gallery(
                np.stack([to_uint8(prediction.view) for prediction in predictions]),
                [drawing.truth for drawing in drawings],
                ["not a digit" if each.verdict == NOT_A_DIGIT else each.digit for each in predictions],
                [prediction.confidence for prediction in predictions],
                [drawing.number + 1 for drawing in drawings],
            )
        )


def _score() -> Score:
    score: Score = st.session_state.setdefault("score", Score())
    return score


def _label(number: int) -> None:
    truth, prediction = st.session_state[f"truth_{number}"], st.session_state.asked
    if prediction is not None:
        _score().label(number, None if truth is None else int(truth), prediction)
