"""Predicted digits of an image, and the steps from the image to the network's input."""

import numpy as np
import streamlit as st

from mnistdash.imaging.normalize import IMAGE_SIDE
from mnistdash.inference.recognize import Recognition
from mnistdash.ui.html import digits as html


def show(recognition: Recognition, prompt: str) -> None:
    """Show the predicted digits with their probabilities, or a prompt if there are none.

    Args:
        recognition: the predictions.
        prompt: text to show without a prediction.
    """
    digits = recognition.digits
    single = digits[0] if len(digits) == 1 else None
    with st.container(key="prediction"):
        if single is not None:
            st.html(html.answer(single.verdict, single.probabilities, single.is_digit))
        elif recognition.number is not None:
            st.html(html.number([digit.verdict for digit in digits], recognition.number, recognition.confidence))
        else:
            st.html(html.prompt(prompt))
    if len(digits) > 1:
        cards = [(digit.verdict, to_uint8(digit.view), digit.probabilities) for digit in digits]
        st.container(key="digits").html(html.cards(cards))
    else:
        view = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8) if single is None else to_uint8(single.view)
        processing = "cropped and centered" if single is None or recognition.steps else "not cropped or centered"
        caption = f"Network input: 28&nbsp;×&nbsp;28&nbsp;pixels, {processing}."
        st.html(html.prediction_details(None if single is None else single.probabilities, view, caption))


def show_steps(image: np.ndarray, recognition: Recognition) -> None:
    """Show the steps from an image to the network's input.

    Args:
        image: (height, width) or (…, 4) uint8.
        recognition: its predictions, at least one.
    """
    digits = recognition.digits
    if len(digits) > 1:
        parts = [(f"Digit {position}", digit.ink) for position, digit in enumerate(digits, start=1)]
        steps = [("Foreground", recognition.ink), *parts]
    elif recognition.steps:
        steps = [("Foreground", recognition.ink), *recognition.steps]
    else:
        steps = [(f"Resized to {IMAGE_SIDE} × {IMAGE_SIDE}", digits[0].view)]
    st.subheader("Preprocessing", anchor=False)
    st.html(html.pictures([("Original", image), *((name, to_uint8(values)) for name, values in steps)]))


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Scale float values in [0, 1] to uint8."""
    return np.round(255 * values).astype(np.uint8)
