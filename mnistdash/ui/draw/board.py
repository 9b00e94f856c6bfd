"""Draw page: an input, the prediction, and how it came about."""

import streamlit as st

from mnistdash.inference.recognize import NOT_A_DIGIT, NOTHING, recognize, recognize_unprocessed
from mnistdash.runs.run import Run
from mnistdash.ui import resources, widgets
from mnistdash.ui.draw import answer, canvas, score, transfer, upload
from mnistdash.ui.draw.similar_errors import show_similar_errors

EXTRA_WIDTH = 68  # pixels by which the column of the canvas is wider, so that its buttons fit in one row
SETTINGS_WIDTH = 696  # pixels; the second setting begins where the answer does

ONE, NUMBER, FILE, CAMERA = "One digit", "Number", "Image file", "Camera"
PROMPTS = {ONE: "Draw a digit", NUMBER: "Draw a number", FILE: "Choose an image", CAMERA: "Take a photo"}


def load_transferred_digit() -> None:
    """Put a digit from Errors on the canvas if there is one."""
    digit: transfer.TransferredDigit | None = st.session_state.pop("transfer", None)
    if digit is not None:
        canvas.clear("drawing")
        canvas.load("drawing", [digit.as_object()], digit.picture)
        st.session_state.update(source=ONE, model=digit.model, transferred=digit)


def choose_settings() -> tuple[str, Run | None]:
    """Let the user choose the source, the model and the pen width; return the first two."""
    # Not the widget's default, as Streamlit warns if a transferred digit sets the value as well.
    st.session_state.setdefault("source", ONE)
    source: str = widgets.segments("Source", list(PROMPTS), key="source", persist_state="session")
    with st.container(width=SETTINGS_WIDTH):
        left, right = st.columns(2, gap="medium", wrap=False)
    with left:
        run = widgets.model_picker()
    is_drawn = source in (ONE, NUMBER)
    right.slider(
        "Pen width (pixels)", 4, 48, canvas.PEN_WIDTH, key="pen", persist_state="session", disabled=not is_drawn
    )
    return source, run


@st.fragment
@widgets.guarded("Draw, a stroke")
def show(source: str, run: Run) -> None:
    """Show the input and the prediction.

    Each stroke reruns this fragment only. It has few elements, as each takes server time.
    """
    transferred: transfer.TransferredDigit | None = st.session_state.get("transferred") if source == ONE else None
    # An empty place, as the canvas would be rebuilt if its position among the elements changed.
    banner = st.empty()
    if transferred is not None:
        with banner.container():
            transfer.show_banner(transferred)
    width = canvas.WIDE if source == NUMBER else canvas.SIDE
    # On a phone, and below the wide canvas, the answer comes under the canvas.
    with st.container(horizontal=source != NUMBER, gap="small"):
        left, right = st.container(width=width + EXTRA_WIDTH), st.container(width="stretch")
    is_drawn = source in (ONE, NUMBER)
    with left:
        if is_drawn:
            image = canvas.show("drawing" if source == ONE else "number", width)
        else:
            image = upload.show(use_camera=source == CAMERA)
    predict = recognize if transferred is None else recognize_unprocessed
    recognition = NOTHING if image is None else predict(image, resources.model(run))
    with right:
        answer.show(recognition, PROMPTS[source] if is_drawn or image is None else "The image is blank")
        predicted = f"Predicted by {run.name} in {recognition.milliseconds:.1f} ms."
        st.caption(predicted if recognition.digits else f"Model: {run.name}")
        if source == ONE and transferred is None:
            score.ask(recognition)
    if image is not None and recognition.digits:
        answer.show_steps(image, recognition)
    if source == ONE:
        score.show_misclassified()
    # Last, as it may have to wait for the test split to be predicted.
    if len(recognition.digits) == 1 and recognition.digits[0].verdict != NOT_A_DIGIT:
        show_similar_errors(run, recognition.digits[0].view)
