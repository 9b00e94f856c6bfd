"""Images from a file or a camera."""

import numpy as np
import streamlit as st

from mnistdash.exceptions import UnreadableImageError
from mnistdash.imaging import image_files
from mnistdash.ui.draw.canvas import SIDE


def show(use_camera: bool) -> np.ndarray | None:
    """Let the user choose an image file or take a photo.

    Returns:
        The pixels as `image_files.read_image` returns them; None without a readable image.
    """
    if use_camera:
        file = st.camera_input("Photo", key="camera", label_visibility="collapsed")
    else:
        file = st.file_uploader("Image file", image_files.SUFFIXES, key="upload", label_visibility="collapsed")
    if file is None:
        return None
    try:
        image = image_files.read_image(file, file.name)
    except UnreadableImageError as error:
        st.error(str(error), icon=":material/broken_image:")  # quotes the file's name as Markdown code
        return None
    if not use_camera:
        st.image(image, width=SIDE)
    return image
