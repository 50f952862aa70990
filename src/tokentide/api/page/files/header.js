// What can be chosen at the top? A project, a range, days of the calendar: each choice becomes another state.

import { byId, element } from "./dom.js";
import { clock, fullDay } from "./format.js";
import { addressOf, RANGES, rangeOf } from "./state.js";

/** Call `choose` with the new state whenever something is chosen; `current` tells the present one. */
export function listen(current, choose) {
  byId("project").addEventListener("change", (event) => {
    choose({ ...current(), project: event.target.value || null });
  });
  byId("ranges").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    choose({ ...current(), range: link.dataset.range, from: null, to: null });
  });
  byId("days-form").addEventListener("submit", (event) => {
    event.preventDefault();
    byId("days").open = false;
    choose({ ...current(), range: null, from: byId("from").value, to: byId("to").value });
    byId("days").querySelector("summary").focus();
  });
  byId("days").addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    byId("days").open = false;
    byId("days").querySelector("summary").focus();
  });
}

/** Show which range a state has; the links are addresses that can be copied. */
export function showRange(state) {
  const chosen = rangeOf(state);
  const focused = document.activeElement?.dataset?.range;
  const links = RANGES.map(({ name, title }) => {
    const href = addressOf({ ...state, range: name, from: null, to: null });
    return element("a", { href, "data-range": name, "aria-current": chosen === name ? "true" : null }, title);
  });
  byId("ranges").replaceChildren(...links);
  links.find((link) => link.dataset.range === focused)?.focus();
  byId("days").classList.toggle("chosen", chosen === null);
}

/** Show what an answer is about. */
export function showAnswer({ shown, freshness }) {
  const select = byId("project");
  const names = ["", ...shown.projects];
  if (names.join("\n") !== [...select.options].map(({ value }) => value).join("\n")) {
    select.replaceChildren(...names.map((name) => element("option", { value: name }, name || "All projects")));
  }
  select.value = shown.project ?? "";
  const end = new Date(Math.min(Date.parse(shown.end), Date.parse(freshness.now)));
  const words = `${shown.project ?? "All projects"} · ${moment(new Date(shown.start))} to ${moment(end)} UTC`;
  byId("shown").textContent = `${words}, by ${shown.stepSeconds < 86_400 ? "hour" : "day"}`;
  document.title = `${shown.project ?? shown.organisation} · tokentide`;
  byId("from").value ||= shown.start.slice(0, 10);
  byId("to").value ||= new Date(end.getTime() - 1).toISOString().slice(0, 10);
  byId("from").max = byId("to").max = freshness.now.slice(0, 10);
}

function moment(date) {
  return `${fullDay(date)} ${clock(date)}`;
}
