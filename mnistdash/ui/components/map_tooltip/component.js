// Shows the image of the digit under the pointer, cut out of one picture of all digits; Plotly's labels hold only text.
// Plotly replaces the map's element or its listeners at times, so this looks for them again after each change of the
// page. It also stops events that should scroll the page from reaching Plotly: the wheel without Ctrl, and touches
// while the tool is Click.

const SIDE = 84; // pixels of a digit on the screen
const COLUMNS = 100; // digits in a row of the picture

export default function ({ parentElement, data }) {
  parentElement.stop?.(); // the data has changed
  const label = parentElement.querySelector(".md-hover");
  const [picture, words] = label.children;
  const address = URL.createObjectURL(new Blob([data], { type: "image/png" }));
  picture.style.backgroundImage = `url(${address})`;
  const show = ({ points, event }) => {
    const { customdata: index, text, data: trace } = points.at(-1);
    picture.style.backgroundPosition = `${-SIDE * (index % COLUMNS)}px ${-SIDE * Math.floor(index / COLUMNS)}px`;
    words.textContent = `No. ${index}: ${text ?? `${trace.name}, correct`}`;
    const { clientX: x, clientY: y } = event.touches?.[0] ?? event.changedTouches?.[0] ?? event;
    label.hidden = false;
    const { width, height } = label.getBoundingClientRect();
    label.style.left = `${x + 16 + width > innerWidth ? Math.max(4, x - 16 - width) : x + 16}px`;
    label.style.top = `${Math.max(4, y - 16 - height)}px`;
  };
  const hide = () => {
    label.hidden = true;
  };
  const pass = (event) => {
    const scrolls = event.type === "wheel" ? !event.ctrlKey : map.layout?.dragmode === "pan";
    if (scrolls) event.stopPropagation();
  };
  let listening = null;
  let map = null;
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
