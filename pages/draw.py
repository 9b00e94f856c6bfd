"""Draw: a drawing or an image file is read after every stroke."""

import numpy as np
import streamlit as st
from streamlit_drawable_canvas import st_canvas

from mnistdash import markup, preprocess, ui
from mnistdash.reading import BLANK, Reading, read

SIDE = 280  # pixels, of the canvas
PEN = 20  # pixels; a fourteenth of the canvas, the thickness of a felt pen on a small card
SETTINGS = 696  # pixels, of the row above it; its second half begins where the answer does
FILES = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]


def redraw(objects: list[dict]) -> None:
    """Have the canvas show these strokes; the number makes it take notice of equal ones."""
    number = st.session_state.get("start_from", {}).get("number", 0) + 1
    st.session_state.start_from = {"objects": objects, "number": number}


def canvas() -> np.ndarray | None:
    """Draw the canvas and its buttons; return (SIDE, SIDE, 4) uint8, or None before the first stroke."""
    # The canvas forgets its drawing when the user goes to another page: keep what it last sent.
    kept = st.session_state.setdefault("kept", {"strokes": [], "image": None})
    if "drawing" not in st.session_state:
        redraw(kept["strokes"])
    with st.container(key="canvas"):
        result = st_canvas(
            stroke_width=st.session_state.get("pen", PEN),
            stroke_color="#ffffff",
            background_color="#000000",
            width=SIDE,
            height=SIDE,
            initial_drawing=st.session_state.start_from,
            return_image_data=True,
            key="drawing",
        )
    image = result.image_data
    if image is not None:
        kept.update(strokes=result.json_data["objects"], image=image)
    with st.container(horizontal=True):
        st.button("Clear", icon=":material/delete:", key="clear", on_click=redraw, args=([],))
        st.button("Undo", icon=":material/undo:", key="undo", on_click=redraw, args=(kept["strokes"][:-1],))
    return kept["image"]


def upload() -> np.ndarray | None:
    """Offer to read an image file; return its pixels, or None where there is none to read."""
    file = st.file_uploader("Or read an image of one digit", FILES, key="upload", width=420)
    if file is None:
        return None
    try:
        image = preprocess.read_image(file, file.name)
    except preprocess.UnreadableImageError as error:
        st.error(str(error), icon=":material/broken_image:")
        return None
    st.caption("The answer is for this image. Remove it to go back to your drawing.")
    return image


def show(reading: Reading, invitation: str, caption: str) -> None:
    """Show what was read, or what to do where there is nothing to read."""
    blank = reading.verdict == "blank"
    with st.container(key="prediction"):
        st.html(markup.invitation(invitation) if blank else markup.answer(reading.probabilities))
    bars, view = st.columns([3, 2], gap="large")
    with bars, st.container(key="probabilities"):
        st.html(markup.probability_bars(None if blank else reading.probabilities))
    with view, st.container(key="network_view"):
        st.html(markup.network_view(np.round(255 * reading.view).astype(np.uint8)))
        st.caption("What the network sees: 28 × 28 pixels, cropped and centred.")
    st.caption(caption)


@st.fragment
def board() -> None:
    """Canvas and answer; a stroke reruns this and nothing else."""
    with st.container(width=SETTINGS):
        choice, thickness = st.columns(2, gap="medium", wrap=False)
    with choice:
        run = ui.model_picker()
    with thickness:
        st.slider("Pen width (pixels)", 4, 48, PEN, key="pen", persist_state="session")
    if run is None:
        return
    # On a phone these follow one another: the answer belongs right under the canvas.
    with st.container(horizontal=True, gap="large"):
        left, right = st.container(width=SIDE + 20), st.container(width="stretch")
    with left:
        drawn = canvas()
    uploaded = upload()
    image = drawn if uploaded is None else uploaded
    reading = BLANK if image is None else read(image, ui.model(run))
    what, invitation = ("drawing", "Draw a digit") if uploaded is None else ("image", "This image is blank")
    if reading.verdict == "blank":
        caption = f"{run.name} will read it."
    else:
        caption = f"{run.name} read the {what} in {reading.milliseconds:.1f} ms."
    with right:
        show(reading, invitation, caption)


ui.page("Draw")
st.title("Draw", anchor=False)
board()
