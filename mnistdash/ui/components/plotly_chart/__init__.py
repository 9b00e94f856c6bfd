"""Plotly's charts, in the page's colours, changed in place when what they show grows or the page's theme is another.

Streamlit's own chart is made anew for each change, which shows for a moment now and then, takes the browser more than
twice as long, and forgets where someone had zoomed in.
"""

from pathlib import Path

import plotly
import plotly.graph_objects as go
import plotly.io
import streamlit as st
from streamlit.components.v1 import declare_component

# Plotly's script comes from its Python package, once for all charts of a page. Its address has Streamlit's own before
# it, as a dashboard may be hosted below a path; and its version behind, so that what a browser has kept of it will do.
SCRIPT = """
async function load(path) {
  const place = new URL(`../../${path}`, document.querySelector('script[src*="/static/js/"]').src);
  const answer = await fetch(place, { cache: "force-cache" });
  if (!answer.ok) throw new Error(answer.status);
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([await answer.text()], { type: "text/javascript" }));
  await new Promise((resolve, reject) => {
    Object.assign(script, { onload: resolve, onerror: reject });
    document.head.append(script);
  });
  URL.revokeObjectURL(script.src);
}

function template(place) {
  const style = getComputedStyle(place);
  const value = (name) => style.getPropertyValue(`--st-${name}`);
  const colours = value("chart-categorical-colors").split(",");
  const shades = value("chart-sequential-colors").split(",");
  const [text, grey, grid, clear] = [value("text-color"), colours[1], value("border-color-light"), "rgba(0, 0, 0, 0)"];
  const axis = {
    automargin: true,
    gridcolor: grid,
    zerolinecolor: grid,
    tickcolor: grid,
    tickfont: { color: grey, size: 12 },
    title: { font: { color: grey, size: 14 }, standoff: 16 },
  };
  return {
    data: {
      scatter: [{ marker: { line: { width: 0 } }, textfont: { color: grey } }],
      heatmap: [{ colorscale: shades.map((shade, k) => [k / (shades.length - 1), shade]) }],
    },
    layout: {
      colorway: colours,
      font: { color: text, size: 12, family: style.fontFamily },
      paper_bgcolor: clear,
      plot_bgcolor: clear,
      hoverlabel: { bgcolor: value("background-color"), bordercolor: value("border-color"), font: { color: text } },
      margin: { pad: 8 },
      shapedefaults: { line: { color: grey } },
      xaxis: { ...axis, showgrid: false, zeroline: false },
      yaxis: axis,
    },
  };
}

export default function ({ parentElement, data }) {
  const place = parentElement.querySelector(".md-chart");
  place.isGone = false;
  place.setAttribute("aria-label", data.alt);
  const figure = JSON.parse(data.figure);
  figure.layout.template = template(place);
  const { colorway } = figure.layout.template.layout;
  for (const trace of figure.data) {
    if (trace.meta !== undefined) trace.marker = { ...trace.marker, color: colorway[trace.meta] };
  }
  const draw = async () => {
    await (window.mnistdashPlotly ??= load(data.path));
    if (place.isGone) return;
    if (!place.data) place.replaceChildren();
    await window.Plotly.react(place, figure.data, figure.layout, { displayModeBar: false });
    place.watch ??= new ResizeObserver(() => {
      if (place.clientWidth && place.clientWidth !== place._fullLayout?.width) window.Plotly.Plots.resize(place);
    });
    place.watch.observe(place);
  };
  draw().catch(() => {
    window.mnistdashPlotly = undefined;
    window.Plotly?.purge(place);
    place.textContent = "The chart could not be drawn. Reload the page to try again.";
  });
  return () => {
    place.isGone = true;
    place.watch?.disconnect();
    window.Plotly?.purge(place);
  };
}
"""
_files = declare_component("plotly", path=Path(plotly.__file__).parent / "package_data")
PATH = f"component/{_files.name}/plotly.min.js?{plotly.__version__}"
_component = st.components.v2.component(
    "mnistdash.chart",
    html='<div class="md-chart" role="figure"></div>',
    css=".md-chart { height: 100%; }",
    js=SCRIPT,
    isolate_styles=False,
)


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure as wide as its place, in the page's colours.

    Args:
        figure: whose layout has a height, in pixels.
        key: of the element.
        alt: what it shows, for those who cannot see it.
    """
    figure.layout.template = go.layout.Template()  # Streamlit's is of no use here
    data = {"figure": plotly.io.to_json(figure, validate=False), "alt": alt, "path": PATH}
    _component(data=data, key=key, height=figure.layout.height)
