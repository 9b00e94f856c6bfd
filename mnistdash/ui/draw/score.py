"""Accuracy on a session's last drawings, by the true digits that the user selects."""

import numpy as np
import streamlit as st

from mnistdash.inference.recognize import NOT_A_DIGIT, DigitPrediction, Recognition
from mnistdash.ui.draw.answer import to_uint8
from mnistdash.ui.html import digits as html

MAX_DRAWINGS = 20


# The last MAX_DRAWINGS labeled drawings by number, oldest first; of each the true digit and the prediction.
Score = dict[int, tuple[int, DigitPrediction]]


def set_label(score: Score, number: int, truth: int | None, prediction: DigitPrediction) -> None:
    """Set the true digit of a drawing, or remove it with None."""
    score.pop(number, None)
    if truth is not None:
        score[number] = truth, prediction
    if len(score) > MAX_DRAWINGS:
        del score[min(score)]


def misclassified(score: Score) -> Score:
    """Return the incorrect drawings, newest first."""
    return {
        number: (truth, prediction)
        for number, (truth, prediction) in reversed(score.items())
        if prediction.verdict == NOT_A_DIGIT or prediction.digit != truth
    }


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
        total = len(score)
        if total:
            drawings = f"your last {MAX_DRAWINGS} drawings" if total == MAX_DRAWINGS else f"{total}"
            st.markdown(f"**{total - len(misclassified(score))} of {drawings}** correct.")
        else:
            st.caption(f"Tracks accuracy over your last {MAX_DRAWINGS} drawings. Clear the canvas for the next one.")


def show_misclassified() -> None:
    """Show the drawings of the score that were misclassified, if any."""
    drawings = misclassified(_score())
    if not drawings:
        return
    rows = []
    for number, (truth, each) in drawings.items():
        guess = "not a digit" if each.verdict == NOT_A_DIGIT else each.digit
        rows.append((number + 1, truth, guess, each.confidence))
    images = np.stack([to_uint8(each.view) for _, each in drawings.values()])
    st.subheader("Misclassified drawings", anchor=False)
    st.container(key="misclassified").html(html.gallery(images, rows))


def _score() -> Score:
    score: Score = st.session_state.setdefault("score", {})
    return score


def _label(number: int) -> None:
    truth, prediction = st.session_state[f"truth_{number}"], st.session_state.asked
    if prediction is not None:
        set_label(_score(), number, None if truth is None else int(truth), prediction)
