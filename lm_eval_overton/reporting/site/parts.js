"use strict";
// Small parts of the page: elements, numbers as they are shown, tables.
const Parts = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  // What the six lists of a metric's cells hold.
  const CELLS = { MEAN: 0, LOW: 1, HIGH: 2, N: 3, FIRST: 4, LAST: 5 };

  // All that comes from files of other people goes through here, and becomes text.
  function fill(element, attributes, children) {
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat().filter((c) => c !== null && c !== ""));
    return element;
  }
  const make = (name, attributes = {}, ...children) =>
    fill(document.createElement(name), attributes, children);
  const draw = (name, attributes = {}, ...children) =>
    fill(document.createElementNS(SVG, name), attributes, children);
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

  function number(value, like = value) {
    if (!isNumber(value)) return "";
    const size = Math.abs(isNumber(like) ? like : value);
    const text = Math.abs(value).toFixed(size < 9.9995 ? 3 : size < 999.95 ? 1 : 0);
    return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
  }
  const signed = (value) => (value > 0 && Number(number(value)) !== 0 ? "+" : "") + number(value);
  const chance = (p) => (!isNumber(p) ? "" : p < 0.001 ? "<0.001" : p.toFixed(3));
  const bounds = (low, high, like) =>
    (isNumber(low) && isNumber(high) ? `[${number(low, like)}, ${number(high, like)}]` : "");
  const breakable = (name) => name.split("_").flatMap((part, i) => (i ? ["_", make("wbr"), part] : [part]));
  const ARROW = { true: " ↑", false: " ↓", null: "" };
  const billions = (size) => (size === null ? "" : `${(size / 1e9).toPrecision(2)} B`);

  function table(caption, head, rows, attributes = {}) {
    const content = make("table", {}, make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, ...attributes },
      content);
  }
  const title = (text, wordy = false) => make("th", { scope: "col", class: wordy ? "words" : null }, text);

  return { CELLS, make, draw, isNumber, number, signed, chance, bounds, breakable, ARROW, billions, table, title };
})();
