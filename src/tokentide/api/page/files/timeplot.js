// How are buckets of time drawn? As stacked columns or as lines over one axis from zero, and a cursor over them.

import { shape } from "./dom.js";
import { clock, day } from "./format.js";
import { bands, labelled, linear, ticks } from "./scales.js";

const HEIGHT = 190;
const TOP = 10;
const BOTTOM = 22;
const LETTER = 6.6;
const LABEL_ROOM = 64;

/**
 * A plot of that width: its picture, and a cursor `{count, at, mark}` over its buckets.
 *
 * buckets: `{start, open}`; an open one is not over yet.
 * series: `{className, value}`; a value of null is no point.
 */
export function timePlot(width, { buckets, stepSeconds, series, stacked, axis, whole }) {
  const totals = buckets.map((bucket) => extent(bucket, series, stacked));
  const steps = ticks(Math.max(0, ...totals), 4, whole);
  const left = Math.ceil(Math.max(...steps.map((step) => axis(step).length)) * LETTER) + 8;
  const band = bands(buckets.length, left, width - 2);
  const y = linear(steps.at(-1), HEIGHT - BOTTOM, TOP);
  const cursor = shape("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const picture = shape(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true", focusable: "false" },
    grid(steps, y, left, width, axis),
    timeAxis(buckets, stepSeconds, band, width),
    stacked ? columns(buckets, series, band, y) : series.map((one) => line(buckets, one, band, y)),
    cursor,
  );
  return {
    picture,
    count: buckets.length,
    at: (x) => band.at(x),
    mark: (index) => {
      cursor.setAttribute("visibility", index === null ? "hidden" : "visible");
      if (index === null) return null;
      const x = Math.round(band.middle(index)) + 0.5;
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      return { x, y: y(totals[index]) };
    },
  };
}

function extent(bucket, series, stacked) {
  const values = series.map(({ value }) => value(bucket) ?? 0);
  return stacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values);
}

function grid(steps, y, left, width, axis) {
  return steps.flatMap((step) => {
    const at = Math.round(y(step)) + 0.5;
    return [
      shape("line", { class: step === 0 ? "axis" : "grid", x1: left, x2: width, y1: at, y2: at }),
      shape("text", { class: "tick", x: left - 6, y: at + 3.5, "text-anchor": "end" }, axis(step)),
    ];
  });
}

function timeAxis(buckets, stepSeconds, band, width) {
  const starts = buckets.map(({ start }) => start);
  const room = Math.max(2, Math.floor((width - band.start(0)) / LABEL_ROOM));
  return labelled(starts, stepSeconds, room).flatMap((index) => {
    const start = starts[index];
    const x = stepSeconds < 86_400 ? band.start(index) : band.middle(index);
    if (x > width - 26) return [];
    const label = start.getUTCHours() === 0 ? day(start) : clock(start);
    return [shape("text", { class: "tick", x, y: HEIGHT - 6, "text-anchor": "middle" }, label)];
  });
}

function columns(buckets, series, band, y) {
  const gap = band.width > 6 ? Math.min(4, band.width * 0.2) : band.width > 2.5 ? 0.75 : 0;
  return buckets.flatMap((bucket, index) => {
    let below = 0;
    return series.flatMap(({ className, value }) => {
      const height = value(bucket) ?? 0;
      if (height <= 0) return [];
      const low = y(below);
      below += height;
      const high = Math.min(y(below), low - 0.75); // little is still something
      const box = { x: band.start(index) + gap / 2, width: band.width - gap, y: high, height: low - high };
      return [shape("rect", { class: bucket.open ? `${className} open` : className, ...box })];
    });
  });
}

function line(buckets, { className, value }, band, y) {
  const pieces = [];
  let begun = false;
  buckets.forEach((bucket, index) => {
    const found = value(bucket);
    if (found !== null) {
      pieces.push(`${begun ? "L" : "M"}${band.middle(index).toFixed(1)} ${y(found).toFixed(1)}`);
      if (!begun && (index + 1 === buckets.length || value(buckets[index + 1]) === null)) pieces.push("h0.01"); // a dot
    }
    begun = found !== null;
  });
  return shape("path", { class: `line ${className}`, d: pieces.join("") || "M0 0" });
}
