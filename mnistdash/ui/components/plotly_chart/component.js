// Plotly charts that are updated in place and follow the page's theme.

// Streamlit's own URL comes first, as a proxy may host the dashboard below a path.
async function load(path) {
  const url = new URL(`../../${path}`, document.querySelector('script[src*="/static/js/"]').src);
  const response = await fetch(url, { cache: "force-cache" });
  if (!response.ok) throw new Error(response.status);
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([await response.text()], { type: "text/javascript" }));
  await new Promise((resolve, reject) => {
    Object.assign(script, { onload: resolve, onerror: reject });
    document.head.append(script);
  });
  URL.revokeObjectURL(script.src);
}

// A Plotly template with the colors and fonts of Streamlit's theme.
function template(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(`--st-${name}`);
  const colors = value("chart-categorical-colors").split(",");
  const shades = value("chart-sequential-colors").split(",");
  const [text, gray, grid, clear] = [value("text-color"), colors[1], value("border-color-light"), "rgba(0, 0, 0, 0)"];
  const axis = {
    automargin: true,
    gridcolor: grid,
    zerolinecolor: grid,
    tickcolor: grid,
    tickfont: { color: gray, size: 12 },
    title: { font: { color: gray, size: 14 }, standoff: 16 },
  };
  return {
    data: {
      scatter: [{ marker: { line: { width: 0 } }, textfont: { color: gray } }],
      heatmap: [{ colorscale: shades.map((shade, k) => [k / (shades.length - 1), shade]) }],
    },
    layout: {
      colorway: colors,
      font: { color: text, size: 12, family: style.fontFamily },
      paper_bgcolor: clear,
      plot_bgcolor: clear,
      hoverlabel: { bgcolor: value("background-color"), bordercolor: value("border-color"), font: { color: text } },
      margin: { pad: 8 },
      shapedefaults: { line: { color: gray } },
      xaxis: { ...axis, showgrid: false, zeroline: false },
      yaxis: axis,
    },
  };
}

export default function ({ parentElement, data }) {
  const element = parentElement.querySelector(".md-chart");
  element.isRemoved = false;
  element.setAttribute("aria-label", data.alt);
  const figure = JSON.parse(data.figure);
  figure.layout.template = template(element);
  const { colorway } = figure.layout.template.layout;
  for (const trace of figure.data) {
    if (trace.meta !== undefined) trace.marker = { ...trace.marker, color: colorway[trace.meta] };
  }
  const draw = async () => {
    await (window.mnistdashPlotly ??= load(data.path));
    if (element.isRemoved) return;
    if (!element.data) element.replaceChildren();
    await window.Plotly.react(element, figure.data, figure.layout, { displayModeBar: false });
    element.observer ??= new ResizeObserver(() => {
      if (element.clientWidth && element.clientWidth !== element._fullLayout?.width) window.Plotly.Plots.resize(element);
    });
    element.observer.observe(element);
  };
  draw().catch(() => {
    window.mnistdashPlotly = undefined;
    window.Plotly?.purge(element);
    element.textContent = "The chart could not be drawn. Reload the page to try again.";
  });
  return () => {
    element.isRemoved = true;
    element.observer?.disconnect();
    window.Plotly?.purge(element);
  };
}
