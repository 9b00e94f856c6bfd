"""Plotly charts in the page's colors, updated in place.

Streamlit's own chart is rebuilt at every update: it flickers, takes the browser more than twice as long, and loses the
zoom.
"""

from pathlib import Path

import plotly
import plotly.graph_objects as go
import plotly.io
import streamlit as st
from streamlit.components.v1 import declare_component

# Serves Plotly's script from its Python package. The version lets browsers cache it.
_files = declare_component("plotly", path=Path(plotly.__file__).parent / "package_data")
SCRIPT_PATH = f"component/{_files.name}/plotly.min.js?{plotly.__version__}"
_component = st.components.v2.component(
    "mnistdash.chart",
    html='<div class="md-chart" role="figure" style="height: 100%"></div>',
    js=Path(__file__).with_name("component.js").read_text("utf-8"),
    isolate_styles=False,
)


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure at the width of its container.

    Args:
        figure: a figure with a height in pixels.
        key: of the element.
        alt: description for screen readers.
    """
    figure.layout.template = go.layout.Template()  # component.js adds the page's template
    data = {"figure": plotly.io.to_json(figure, validate=False), "alt": alt, "path": SCRIPT_PATH}
    _component(data=data, key=key, height=figure.layout.height)
