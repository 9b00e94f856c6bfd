// Return {text: contrast} of visible texts whose contrast to the background is below 4.5:1 (WCAG AA).
// WCAG exempts disabled controls.
() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    // color-mix() returns values from 0 to 1: color(srgb 0.2 0.3 0.7 / 0.5).
    const scale = color.startsWith("color(srgb") ? 255 : 1;
    return { r: scale * r, g: scale * g, b: scale * b, a };
  };
  const over = (top, below) => {
    const mix = (channel) => top[channel] * top.a + below[channel] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  };
  const luminance = ({ r, g, b }) => {
    const linear = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const faint = {};
  const texts = document.createTreeWalker(document.querySelector(".stApp"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim();
    const element = texts.currentNode.parentElement;
    if (!text || ["STYLE", "SCRIPT"].includes(element.tagName) || element.closest(":disabled")) continue;
    const { width, height } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (!width || !height || style.visibility === "hidden") continue;
    let opacity = 1;
    const backgrounds = [];
    for (let parent = element; parent; parent = parent.parentElement) {
      // The value of a slider is inside its thumb, but displayed above it.
      const isThumb = parent.querySelector(':scope > [data-testid="stSliderThumbValue"]');
      const { backgroundColor, opacity: own } = getComputedStyle(parent);
      opacity *= Number(own);
      if (!isThumb) backgrounds.unshift(parse(backgroundColor));
    }
    if (opacity === 0) continue;
    const background = backgrounds.reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
    const color = parse(element instanceof SVGElement ? style.fill : style.color);
    const shown = luminance(over({ ...color, a: color.a * opacity }, background));
    const behind = luminance(background);
    const contrast = (Math.max(shown, behind) + 0.05) / (Math.min(shown, behind) + 0.05);
    if (contrast < 4.5) faint[text.slice(0, 60)] = contrast.toFixed(2);
  }
  return faint;
}
