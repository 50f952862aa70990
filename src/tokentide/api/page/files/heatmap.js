// How are counts by hour drawn? As a grid: a column for each day, a row for each hour of the day, darker for more.

import { shape } from "./dom.js";
import { day } from "./format.js";
import { bands } from "./scales.js";

const LEFT = 40;
const TOP = 2;
const ROW = 11;
const HOURS = 24;
const BOTTOM = 22;
const HOUR_MS = 3_600_000;
const DAY_MS = HOURS * HOUR_MS;
const LABEL_ROOM = 56;

/** Darkness of a count, 0 to 5: nothing, then fifths of the highest. */
export function level(value, most) {
  return value > 0 ? Math.max(1, Math.ceil((5 * value) / most)) : 0;
}

/** A plot of that width, as `timePlot` makes one: hours is `[{start, value}]`, every hour of the time shown. */
export function heatmap(width, hours) {
  const firstDay = Math.floor(hours[0].start.getTime() / DAY_MS);
  const dayOf = (hour) => Math.floor(hour.start.getTime() / DAY_MS) - firstDay;
  const days = dayOf(hours.at(-1)) + 1;
  const band = bands(days, LEFT, Math.min(width - 1, LEFT + days * 110));
  const most = Math.max(1, ...hours.map(({ value }) => value));
  const height = TOP + HOURS * ROW + BOTTOM;
  const place = (hour) => ({ x: band.start(dayOf(hour)), y: TOP + hour.start.getUTCHours() * ROW });
  const box = { width: Math.max(1, band.width - 1), height: ROW - 1 };
  const cursor = shape("rect", { class: "cell-cursor", ...box, visibility: "hidden" });
  const offset = hours[0].start.getUTCHours();
  return {
    picture: shape(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" },
      [0, 6, 12, 18].map((hour) =>
        shape("text", { class: "tick", x: LEFT - 6, y: TOP + hour * ROW + 10, "text-anchor": "end" }, twoDigits(hour)),
      ),
      hours.map((hour) => shape("rect", { class: `heat heat-${level(hour.value, most)}`, ...place(hour), ...box })),
      dayLabels(firstDay, days, band, width, height),
      cursor,
    ),
    count: hours.length,
    at: (x, y) => {
      const row = Math.min(HOURS - 1, Math.max(0, Math.floor((y - TOP) / ROW)));
      return Math.min(hours.length - 1, Math.max(0, band.at(x) * HOURS + row - offset));
    },
    mark: (index) => {
      cursor.setAttribute("visibility", index === null ? "hidden" : "visible");
      if (index === null) return null;
      const at = place(hours[index]);
      cursor.setAttribute("x", at.x);
      cursor.setAttribute("y", at.y);
      return { x: at.x + band.width / 2, y: at.y };
    },
  };
}

function dayLabels(firstDay, days, band, width, height) {
  const every = Math.ceil((days * LABEL_ROOM) / Math.max(LABEL_ROOM, days * band.width));
  return Array.from({ length: days }, (_, index) => index)
    .filter((index) => index % every === 0 && band.start(index) < width - 36)
    .map((index) => {
      const label = day(new Date((firstDay + index) * DAY_MS));
      return shape("text", { class: "tick", x: band.start(index), y: height - 6 }, label);
    });
}

function twoDigits(hour) {
  return `${String(hour).padStart(2, "0")}:00`;
}
