// Which figures stand on top? Six, each with what it was before, or what it is made of.

import { element } from "./dom.js";
import { change, count, duration, money, percent } from "./format.js";

/** The tiles of an answer. `value` is exact, for programs and for those who hold it against the API. */
export function tiles({ total, before, latency, monthToDate, projectedMonthEnd }) {
  const all = total.inputTokens + total.outputTokens;
  const allBefore = before.inputTokens + before.outputTokens;
  return [
    tile("total-requests", "Requests", total.requests, count(total.requests), versus(total.requests, before.requests)),
    tile("total-cost", "Cost", total.cost, money(total.cost), versus(total.cost, before.cost)),
    tile("total-tokens", "Tokens", all, count(all), versus(all, allBefore)),
    tile("total-error-rate", "Error rate", total.errorRate, percent(total.errorRate), `${percent(before.errorRate)} before`),
    tile(
      ...["p95", "Latency, p95", latency.p95, duration(latency.p95)],
      `p50 ${duration(latency.p50)} · p99 ${duration(latency.p99)}`,
    ),
    tile(
      ...["month-end", "This month, projected", projectedMonthEnd, money(projectedMonthEnd)],
      `${money(monthToDate)} so far`,
    ),
  ];
}

function versus(now, before) {
  const words = change(now, before);
  return /^[+−]/.test(words) ? `${words} vs. before` : words;
}

function tile(id, title, value, text, note) {
  return element(
    "div",
    { class: "tile" },
    element("dt", {}, title),
    element("dd", {}, element("data", { id, value: String(value) }, text)),
    element("dd", { class: "note" }, note),
  );
}
