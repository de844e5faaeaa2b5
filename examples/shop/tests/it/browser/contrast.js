// Colours of elements come as rgb() or rgba(), whatever they were written as.
const parts = (colour) => {
  const numbers = colour.match(/[\d.]+/g).map(Number);
  return numbers.length === 4 && numbers[3] === 0 ? null : numbers;
};
const brightness = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parts(getComputedStyle(at).backgroundColor);
    if (colour) return colour;
  }
  return [255, 255, 255];
};
let least = 21;
for (const element of document.querySelectorAll("main *, header *")) {
  const speaks = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!speaks || element.closest("svg, option")) continue;
  const one = brightness(parts(getComputedStyle(element).color));
  const other = brightness(behind(element));
  least = Math.min(least, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05));
}
return least;
