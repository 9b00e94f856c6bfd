"""Images from a file or a camera."""

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from mnistdash.exceptions import UnreadableImageError
from mnistdash.imaging import image_files
from mnistdash.ui.draw.canvas import SIDE

EXTENSIONS = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]


def show_file_uploader() -> np.ndarray | None:
    """Let the user choose an image file; return its pixels as `image_files.read_image` does, or None."""
    file = st.file_uploader("Image file", EXTENSIONS, key="upload", label_visibility="collapsed")
    image = _read(file)
    if image is not None:
        st.image(image, width=SIDE)
    return image


def show_camera() -> np.ndarray | None:
    """Let the user take a photo; return its pixels as `image_files.read_image` does, or None."""
    return _read(st.camera_input("Photo", key="camera", label_visibility="collapsed"))


def _read(file: UploadedFile | None) -> np.ndarray | None:
    if file is None:
        return None
    try:
        return image_files.read_image(file, file.name)
    except UnreadableImageError as error:
        st.error(str(error), icon=":material/broken_image:")  # quotes the file's name as Markdown code
        return None
