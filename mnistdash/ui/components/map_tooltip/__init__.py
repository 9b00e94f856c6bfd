"""The picture of the digit that the pointer is on, for the map of digits."""

import streamlit as st

from mnistdash.ui.plots import map

# Shows the digit that the pointer is on, which Plotly's own labels cannot: a piece of the one picture of all digits.
# Plotly draws a map anew at times, as another element or with other listeners, so that this looks again whenever
# the page changes. It also keeps from Plotly what is to scroll the page: the wheel without Ctrl, and a finger where
# the tool is to click.
PICTURES = """
export default function ({ parentElement, data }) {
  parentElement.stop?.();  // the data has changed
  const label = parentElement.querySelector(".md-hover");
  const [picture, words] = label.children;
  const address = URL.createObjectURL(new Blob([data], { type: "image/png" }));
  picture.style.backgroundImage = `url(${address})`;
  const side = 84, columns = COLUMNS;
  const show = ({ points, event }) => {
    const { customdata: index, text, data: trace } = points.at(-1);
    picture.style.backgroundPosition = `${-side * (index % columns)}px ${-side * Math.floor(index / columns)}px`;
    words.textContent = `No. ${index}: ${text ?? `a ${trace.name}, read right`}`;
    const { clientX: x, clientY: y } = event.touches?.[0] ?? event.changedTouches?.[0] ?? event;
    label.hidden = false;
    const { width, height } = label.getBoundingClientRect();
    label.style.left = `${x + 16 + width > innerWidth ? Math.max(4, x - 16 - width) : x + 16}px`;
    label.style.top = `${Math.max(4, y - 16 - height)}px`;
  };
  const hide = () => { label.hidden = true; };
  const pass = (event) => {
    const scrolls = event.type === "wheel" ? !event.ctrlKey : map.layout?.dragmode === "pan";
    if (scrolls) event.stopPropagation();
  };
  let listening = null, map = null;
  const listen = () => {
    const before = map;
    map = document.querySelector(".st-key-digits_map .js-plotly-plot");
    if (!map) hide();
    if (map && map !== before) {
      for (const kind of ["wheel", "touchstart"]) map.addEventListener(kind, pass, { capture: true, passive: true });
    }
    if (!map?.on || map.on === listening) return;
    listening = map.on;
    map.on("plotly_hover", show);
    map.on("plotly_unhover", hide);
  };
  addEventListener("scroll", hide, { capture: true, passive: true });
  const observer = new MutationObserver(listen);
  observer.observe(document.body, { childList: true, subtree: true });
  listen();
  parentElement.stop = () => {
    observer.disconnect();
    removeEventListener("scroll", hide, { capture: true });
    map?.removeListener?.("plotly_hover", show);
    map?.removeListener?.("plotly_unhover", hide);
    for (const kind of ["wheel", "touchstart"]) map?.removeEventListener(kind, pass, { capture: true });
    URL.revokeObjectURL(address);
  };
  return parentElement.stop;
}
""".replace("COLUMNS", str(map.COLUMNS))
STYLE = """
.md-hover { position: fixed; z-index: 1000; pointer-events: none; padding: 0.4rem; border-radius: 0.5rem;
  background: var(--st-secondary-background-color); color: var(--st-text-color);
  border: 1px solid var(--st-border-color); font-size: 0.875rem; max-width: 12rem; }
.md-hover > :first-child { width: 84px; height: 84px; margin: 0 auto 0.25rem; border-radius: 0.25rem;
  background-size: 8400px; background-color: #000; image-rendering: pixelated; }
"""
_component = st.components.v2.component(
    "mnistdash.map_pictures",
    html='<div class="md-hover" hidden><div></div><div></div></div>',
    css=STYLE,
    js=PICTURES,
    isolate_styles=False,
)


def show_pictures(picture: bytes, key: str) -> None:
    """Have the map in the container `digits_map` show each digit's picture under the pointer.

    Args:
        picture: of all digits, by `map_charts.digits_picture`.
        key: of the element.
    """
    _component(data=picture, key=key)
