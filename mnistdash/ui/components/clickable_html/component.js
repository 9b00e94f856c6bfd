// A click on an element with data-pick reports its value. A button with aria-pressed shows its new state at once, and
// every gallery that is complete on the page (.md-whole) hides the digits outside the selected cell before the server
// answers. An update keeps the keyboard focus.

function narrow(root, cell) {
  const selected = cell.split(",");
  const digits = [...root.querySelectorAll("[data-kind]")];
  const matches = (digit) =>
    digit.dataset.kind.split(",").every((label, k) => !selected[k] || selected[k] === label);
  if (!digits.some(matches)) return;
  for (const digit of digits) digit.closest("figure").hidden = !matches(digit);
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".md-clickable");
  if (root.shown !== data.html) {
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.pick : null;
    root.innerHTML = root.shown = data.html;
    if (focused) root.querySelector(`[data-pick="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  root.classList.toggle("md-whole", data.kind !== null);
  narrow(root, data.kind ?? ",");
  root.onclick = (event) => {
    const picked = event.target.closest("[data-pick]");
    if (!picked) return;
    setTriggerValue("picked", picked.dataset.pick);
    if (picked.ariaPressed === null) return;
    const isPressed = picked.ariaPressed !== "true";
    for (const button of root.querySelectorAll("[aria-pressed]")) {
      button.ariaPressed = isPressed && button === picked;
    }
    root.shown = null;
    const cell = isPressed ? picked.dataset.pick : ",";
    for (const gallery of document.querySelectorAll(".md-whole")) narrow(gallery, cell);
  };
}
