"""Draw: a drawing, an image file or a photo is read, after every stroke."""

import contextlib

import numpy as np
import streamlit as st
from streamlit_drawable_canvas import st_canvas

from mnistdash import exceptions
from mnistdash.exceptions import CanvasError
from mnistdash.imaging import image_files, normalize
from mnistdash.imaging.canvas_payload import parse_canvas
from mnistdash.inference.recognize import NOT_A_DIGIT, NOTHING, Recognition, recognize, recognize_unprocessed
from mnistdash.runs.run import Run
from mnistdash.ui import page, resources, widgets
from mnistdash.ui.draw import transfer
from mnistdash.ui.draw.score import LENGTH, Score
from mnistdash.ui.draw.similar_errors import similar_errors
from mnistdash.ui.html import digits as html_digits

SIDE = 280  # pixels, of the canvas for one digit, and the height of the one for a number
WIDE = 560  # pixels, the width of the canvas for a number
PEN = 20  # pixels; a fourteenth of the canvas, the thickness of a felt pen on a small card
TOOLS = {"Pen": "#ffffff", "Eraser": "#000000"}  # by what is chosen, the colour that it draws in
LEFT = 68  # pixels by which the canvas's half of the page is wider, so that all of its buttons fit in one row
SETTINGS = 696  # pixels, of the row above it; its second half begins where the answer does

ONE, NUMBER, FILE, CAMERA = "One digit", "A number", "Image file", "Camera"
SOURCES = {
    ONE: "Draw a digit",
    NUMBER: "Draw a number",
    FILE: "Choose an image",
    CAMERA: "Take a photo",
}


def redraw(canvas: str, objects: list[dict]) -> None:
    """Have a canvas show these strokes; the number makes it take notice of equal ones."""
    number = st.session_state.get(f"{canvas}_start", {}).get("number", 0) + 1
    st.session_state[f"{canvas}_start"] = {"objects": objects, "number": number}


def clear(canvas: str) -> None:
    """Empty a canvas; what is drawn next is another drawing."""
    redraw(canvas, [])
    st.session_state[f"{canvas}_kept"] = {"strokes": [], "image": None}
    st.session_state.drawings = st.session_state.get("drawings", 0) + 1
    if canvas == "drawing":
        st.session_state.pop("handed", None)


def undo(canvas: str) -> None:
    """Take the last stroke back; a digit that was handed over is none."""
    strokes = st.session_state[f"{canvas}_kept"]["strokes"]
    redraw(canvas, strokes[:-1] if strokes and strokes[-1]["type"] != "Image" else strokes)


def take_over() -> None:
    """Start with the digit that another page hands over, if one does."""
    digit = transfer.take_transfer()
    if digit is not None:
        strokes = [digit.as_object()]
        clear("drawing")
        redraw("drawing", strokes)
        # The canvas sends nothing before the first stroke.
        st.session_state.drawing_kept = {"strokes": strokes, "image": digit.picture}
        st.session_state.update(source=ONE, model=digit.model, handed=digit)


def canvas(key: str, width: int) -> np.ndarray | None:
    """Draw a canvas and its buttons; return what is on it, or None before the first stroke.

    Returns:
        (SIDE, width) uint8.
    """
    # The canvas forgets its drawing when the user goes to another page: keep what it last sent.
    kept = st.session_state.setdefault(f"{key}_kept", {"strokes": [], "image": None})
    if key not in st.session_state:
        redraw(key, kept["strokes"])
    with (
        st.container(key="wide_canvas" if width == WIDE else "canvas"),
        # It makes something of what the browser sent, which can be anything; by then the canvas is on the page.
        contextlib.suppress(AttributeError, KeyError, TypeError),
    ):
        st_canvas(
            stroke_width=st.session_state.get("pen", PEN),
            stroke_color=TOOLS[st.session_state.get("tool", "Pen")],
            background_color="#000000",
            width=width,
            height=SIDE,
            initial_drawing=st.session_state[f"{key}_start"],
            return_image_data=True,
            key=key,
        )
    sent = st.session_state.get(key)
    try:
        drawing = parse_canvas(sent.get("drawing") if isinstance(sent, dict) else None, width, SIDE)
    except CanvasError as error:
        widgets.show_error(error)
    else:
        if drawing is not None:
            kept["strokes"], kept["image"] = drawing
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Tool",
            list(TOOLS),
            default="Pen",
            required=True,
            key="tool",
            label_visibility="collapsed",
            persist_state="session",
        )
        st.button("Clear", icon=":material/delete:", key="clear", on_click=clear, args=(key,))
        st.button("Undo", icon=":material/undo:", key="undo", on_click=undo, args=(key,))
    return kept["image"]


def picture(source: str) -> np.ndarray | None:
    """Offer to take an image from a file or a camera; return its pixels, or None where there is none to read."""
    if source == FILE:
        file = st.file_uploader("Image file", image_files.SUFFIXES, key="upload", label_visibility="collapsed")
    else:
        file = st.camera_input("Photo", key="camera", label_visibility="collapsed")
    if file is None:
        return None
    try:
        image = image_files.read_image(file, file.name)
    except exceptions.UnreadableImageError as error:
        st.error(str(error), icon=":material/broken_image:")  # the file's name is quoted in it
        return None
    if source == FILE:
        st.image(image, width=SIDE)
    return image


def show(answer: Recognition, invitation: str, what: str, made: str, run_name: str) -> None:
    """Show what was read, or what to do where there is nothing to read.

    Args:
        answer: what was read.
        invitation: what to do.
        what: what is read, "drawing".
        made: what was done to it for the network, "cropped and centred".
        run_name: of the model.
    """
    single = answer.digits[0] if len(answer.digits) == 1 else None
    with st.container(key="prediction"):
        if single is not None:
            st.html(html_digits.answer(single.verdict, single.probabilities, single.is_digit))
        elif answer.digits:
            st.html(
                html_digits.number([reading.verdict for reading in answer.digits], answer.number, answer.confidence)
            )
        else:
            st.html(html_digits.invitation(invitation))
    if len(answer.digits) > 1:
        with st.container(key="digits"):
            digits = [(reading.verdict, _bytes(reading.view), reading.probabilities) for reading in answer.digits]
            st.html(html_digits.cards(digits))
    else:
        seen = np.zeros((normalize.IMAGE_SIDE, normalize.IMAGE_SIDE)) if single is None else single.view
        caption = f"What the network sees: 28&nbsp;×&nbsp;28&nbsp;pixels, {made}."
        st.html(html_digits.reading(None if single is None else single.probabilities, _bytes(seen), caption))
    st.caption(
        f"{run_name} read the {what} in {answer.milliseconds:.1f} ms." if answer.digits else f"{run_name} will read it."
    )


def count(number: int) -> None:
    """Count a drawing as the visitor says it is, by what was last read of it."""
    truth, score = st.session_state[f"truth_{number}"], st.session_state.score
    if truth is None:
        score.forget(number)
    elif st.session_state.asked is not None:
        score.count(number, int(truth), st.session_state.asked)


def ask(answer: Recognition, score: Score) -> None:
    """Ask for the true digit, and keep the score."""
    number = st.session_state.get("drawings", 0)
    # Not handed to the callback: Streamlit keeps those of all drawings, and with them all that was read of each.
    st.session_state.asked = single = answer.digits[0] if len(answer.digits) == 1 else None
    with st.container(key="truth"):
        # Not the label of what follows: that is faint where there is nothing to choose.
        st.markdown("Was this right? Choose the digit you drew.")
        st.pills(
            "The digit you drew",
            [str(digit) for digit in range(10)],
            key=f"truth_{number}",
            on_change=count,
            args=(number,),
            disabled=single is None,
            label_visibility="collapsed",
        )
        if score.counted:
            counted = f"your last {LENGTH} drawings" if score.counted == LENGTH else f"{score.counted}"
            st.markdown(f"**{score.right} of {counted}** read right.")
        else:
            st.caption(f"Counts your last {LENGTH} drawings. Clear the canvas for the next one.")


def misread(score: Score) -> str:
    """The drawings of the score that were not read right, as HTML."""
    drawings = score.misread
    return html_digits.gallery(
        np.stack([_bytes(drawing.reading.view) for drawing in drawings]),
        [drawing.truth for drawing in drawings],
        ["no digit" if drawing.reading.verdict == NOT_A_DIGIT else drawing.reading.digit for drawing in drawings],
        [drawing.reading.confidence for drawing in drawings],
        [drawing.number + 1 for drawing in drawings],
    )


def steps(image: np.ndarray, answer: Recognition, as_it_is: bool) -> None:
    """Show how the drawing became what the network sees, step by step; nothing is done to one that is read as it is."""
    pictures = [("Drawing", image), ("Ink found", _bytes(answer.ink))]
    if as_it_is:
        size = normalize.IMAGE_SIDE
        pictures = [("Drawing", image), (f"Reduced to {size} × {size}", _bytes(answer.digits[0].view))]
    elif len(answer.digits) == 1:
        pictures += [(name, _bytes(made)) for name, made in answer.steps]
    else:
        pictures += [(f"Digit {k}", _bytes(reading.ink)) for k, reading in enumerate(answer.digits, start=1)]
    st.subheader("From the drawing to the network", anchor=False)
    st.html(html_digits.steps(pictures))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.round(255 * values).astype(np.uint8)


def settings() -> tuple[str, Run | None]:
    """Let the visitor choose what is read, with which model and how thick a pen; return the source and the model."""
    # Not a default of the widget's own: Streamlit warns of one where a digit that is handed over chooses.
    st.session_state.setdefault("source", ONE)
    source = st.segmented_control(
        "Source", list(SOURCES), key="source", label_visibility="collapsed", persist_state="session"
    )
    source = source or ONE
    with st.container(width=SETTINGS):
        choice, thickness = st.columns(2, gap="medium", wrap=False)
    with choice:
        run = widgets.model_picker()
    with thickness:
        st.slider(
            "Pen width (pixels)", 4, 48, PEN, key="pen", persist_state="session", disabled=source in (FILE, CAMERA)
        )
    return source, run


@st.fragment
@widgets.guarded("Draw, a stroke")
def board(source: str, run: Run) -> None:
    """Canvas and answer; a stroke reruns this and nothing else, so it has few elements: each costs the server time."""
    handed = st.session_state.get("handed") if source == ONE else None
    # Its place stays when it goes: the canvas must not move among the page's elements, or it would be made anew.
    place = st.empty()
    if handed is not None:
        with place.container():
            transfer.show_banner(handed)
    width = WIDE if source == NUMBER else SIDE
    # On a phone, and where the canvas is wide, the answer stands right under the canvas.
    with st.container(horizontal=source != NUMBER, gap="small"):
        left, right = st.container(width=width + LEFT), st.container(width="stretch")
    with left:
        is_drawn = source in (ONE, NUMBER)
        image = canvas("drawing" if source == ONE else "number", width) if is_drawn else picture(source)
    reader = recognize if handed is None else recognize_unprocessed
    answer = NOTHING if image is None else reader(image, resources.model(run))
    invitation = SOURCES[source] if is_drawn or image is None else "This image is blank"
    with right:
        made = "cropped and centred" if handed is None else "just as they are on the canvas"
        show(answer, invitation, "drawing" if is_drawn else "image", made, run.name)
        score = st.session_state.setdefault("score", Score())
        # A digit that was handed over is not the visitor's drawing.
        if source == ONE and handed is None:
            ask(answer, score)
    if answer.digits:
        steps(image, answer, as_it_is=handed is not None)
    if source == ONE and score.misread:
        st.subheader("Misread", anchor=False)
        with st.container(key="misread"):
            st.html(misread(score))
    # The last, as the page may have to wait for it.
    if len(answer.digits) == 1 and answer.digits[0].verdict != NOT_A_DIGIT:
        similar_errors(run, answer.digits[0].view, "similar")


with page.page("Draw"):
    st.title("Draw", anchor=False)
    take_over()
    source, run = settings()
    if run is not None:
        board(source, run)
