// How are things drawn that have names? One row each: the name, its figure, and below them a bar or a range.

import { shape } from "./dom.js";
import { linear } from "./scales.js";

const ROW = 38;
const BAR_AT = 21;
const BAR = 8;
const LETTER = 7.2;
const EDGE = 6;

/**
 * A plot of that width, as `timePlot` makes one: a cursor over its rows.
 *
 * rows: `{name, figure, bar}` with a bar from 0, or `{name, figure, range: [low, middle, high]}`.
 */
export function rowPlot(width, rows, className) {
  const most = Math.max(0, ...rows.map(({ bar, range }) => bar ?? range[2]));
  const x = linear(most, rows[0]?.range ? EDGE : 1, width - (rows[0]?.range ? EDGE : 1));
  const cursor = shape("rect", { class: "row-cursor", x: 0, width, height: ROW - 4, rx: 5, visibility: "hidden" });
  const height = Math.max(1, rows.length) * ROW;
  return {
    picture: shape(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" },
      cursor,
      rows.flatMap((row, index) => rowOf(row, index * ROW, width, x, className)),
    ),
    count: rows.length,
    at: (_x, y) => Math.min(rows.length - 1, Math.max(0, Math.floor(y / ROW))),
    mark: (index) => {
      cursor.setAttribute("visibility", index === null ? "hidden" : "visible");
      if (index === null) return null;
      cursor.setAttribute("y", index * ROW);
      return { x: width / 2, y: index * ROW + 6 };
    },
  };
}

function rowOf({ name, figure, bar, range }, top, width, x, className) {
  const letters = Math.max(6, Math.floor((width - figure.length * LETTER - 16) / LETTER));
  const shown = name.length > letters ? `${name.slice(0, letters - 1)}…` : name;
  const at = top + BAR_AT;
  return [
    shape("text", { class: "row-name", x: 2, y: top + 14 }, shown),
    shape("text", { class: "row-figure", x: width - 2, y: top + 14, "text-anchor": "end" }, figure),
    shape("rect", { class: "track", x: 1, width: width - 2, y: at, height: BAR, rx: 3 }),
    ...(range ? marksOf(range, x, at) : barOf(bar, x, at, className)),
  ];
}

function barOf(value, x, at, className) {
  if (!(value > 0)) return [];
  return [shape("rect", { class: className, x: 1, width: Math.max(1.5, x(value) - 1), y: at, height: BAR, rx: 3 })];
}

function marksOf([low, middle, high], x, at) {
  const between = at + BAR / 2;
  return [
    shape("line", { class: "span", x1: x(low), x2: x(high), y1: between, y2: between }),
    shape("circle", { class: "series-1", cx: x(low), cy: between, r: 4.5 }),
    shape("rect", { class: "series-2", x: x(middle) - 2, width: 4, y: at - 1, height: BAR + 2, rx: 1 }),
    shape("path", { class: "series-3", d: diamond(x(high), between) }),
  ];
}

function diamond(x, y) {
  return `M${x - 5} ${y}L${x} ${y - 5}L${x + 5} ${y}L${x} ${y + 5}Z`;
}
