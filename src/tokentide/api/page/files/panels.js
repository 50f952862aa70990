// Which panels are there, in which order? Those of `views`, and those that are lists of facts more than charts.

import { element } from "./dom.js";
import { age, bucketName, count, duration, fullClock, fullDay, percent, plural } from "./format.js";
import * as views from "./views.js";

const TRENDS = { increasing: "▲ rising", stable: "● steady", decreasing: "▼ falling" };
const STATUSES = { operational: "● operational", degraded: "▲ degraded", down: "■ down" };
const DIRECTIONS = { improving: "improving", stable: "steady", degrading: "getting worse" };
const FRESH_SECONDS = 60;
const LATE_SECONDS = 600;

/** Every panel: its name, its title, its view of the server's answer, and how it is laid out. */
export const PANELS = [
  { id: "requests", title: "Requests", view: views.requests, layout: "over-time" },
  { id: "cost", title: "Cost", view: views.cost, layout: "over-time" },
  { id: "latency", title: "Latency", view: views.latency, layout: "over-time" },
  { id: "error-rate", title: "Error rate", view: views.errorRate, layout: "over-time" },
  { id: "tokens", title: "Tokens", view: views.tokens, layout: "over-time" },
  { id: "cost-by-model", title: "Cost by model", view: views.costByModel },
  { id: "latency-by-model", title: "Latency by model", view: views.latencyByModel },
  { id: "error-groups", title: "Error groups", view: errorGroups },
  { id: "rate-limits", title: "Rate limits (429) by hour", view: views.rateLimits },
  { id: "providers", title: "Provider health, last 24 hours", view: providers },
  { id: "pipeline", title: "Pipeline", view: pipeline, layout: "wide" },
];

/** How fresh the data is: a state, and words for it. */
export function freshness({ dataThrough, lagSeconds }) {
  if (dataThrough === null) return { state: "none", words: "No data yet" };
  const state = lagSeconds < FRESH_SECONDS ? "good" : lagSeconds < LATE_SECONDS ? "late" : "behind";
  return { state, words: `Data through ${fullClock(new Date(dataThrough))} UTC, ${age(lagSeconds)} behind` };
}

function errorGroups({ errors: { errorGroups: groups }, total }) {
  const rising = groups.filter(({ trend }) => trend === "increasing").map((group) => group.error_code || "(none)");
  const summary = groups.length
    ? `${plural(groups.length, "kind")} of error, against as long a time before. ` +
      (rising.length ? `Rising: ${rising.slice(0, 3).join(", ")}${rising.length > 3 ? " and others" : ""}.` : "None is rising.")
    : "No errors.";
  const share = (group) => (total.errors ? group.count / total.errors : 0);
  return views.byName(groups, {
    ...{ summary, className: "series-2" },
    columns: [
      { title: "Error", value: (group) => group.error_code, text: true },
      { title: "Count", value: (group) => group.count },
      { title: "Share of errors", unit: "%", value: (group) => Number((share(group) * 100).toFixed(4)) },
      { title: "Trend", value: ({ trend }) => trend, text: true },
      { title: "Most in model", value: (group) => group.top_model, text: true },
    ],
    row: (group) => ({
      ...{ name: group.error_code || "(none)", bar: group.count },
      figure: `${count(group.count)} · ${TRENDS[group.trend]}`,
    }),
    tell: (group) =>
      `${group.error_code || "(none)"}: ${count(group.count)} (${percent(share(group))} of errors), ${group.trend}, most in ${group.top_model}`,
  });
}

function providers({ providers: { providers: found, trends } }) {
  const rows = Object.entries(found).map(([name, health]) => ({ name, ...health, trend: trends[name] }));
  const well = rows.filter(({ status }) => status === "operational").length;
  const others = rows.filter(({ status }) => status !== "operational").map(({ name, status }) => `${name} is ${status}`);
  return {
    summary: rows.length
      ? `${count(well)} of ${plural(rows.length, "provider")} operational${others.length ? `; ${others.join(", ")}` : ""}.`
      : "No provider was called in the last 24 hours.",
    columns: [
      { title: "Provider", value: ({ name }) => name, text: true },
      { title: "Status", value: ({ status }) => status, text: true },
      { title: "Error rate", unit: "%", value: (row) => Number((row.error_rate * 100).toFixed(4)) },
      { title: "Mean latency", unit: "ms", value: (row) => row.avg_latency_ms },
      { title: "p95", unit: "ms", value: (row) => row.p95_latency_ms },
      { title: "p99", unit: "ms", value: (row) => row.p99_latency_ms },
      { title: "Rate limited", value: (row) => row.rate_limit_hits },
      { title: "Incidents", value: ({ incidents }) => incidents.length },
      { title: "Latency trend", value: ({ trend }) => trend.latency_trend, text: true },
      { title: "Error trend", value: ({ trend }) => trend.error_trend, text: true },
    ],
    rows,
    figure: element("ul", { class: "providers" }, rows.map(providerCard)),
  };
}

function providerCard(row) {
  const last = row.incidents.at(-1);
  return element(
    "li",
    { class: `provider ${row.status}` },
    element("h3", {}, row.name),
    element("p", { class: "status" }, STATUSES[row.status]),
    facts([
      ["Error rate", percent(row.error_rate)],
      ["p95", duration(row.p95_latency_ms)],
      ["Rate limited", count(row.rate_limit_hits)],
      ["Latency", DIRECTIONS[row.trend.latency_trend]],
    ]),
    last &&
      element(
        "p",
        { class: "muted" },
        `${plural(row.incidents.length, "incident")}; the last began ${bucketName(new Date(last.start), 300)} UTC`,
      ),
  );
}

function pipeline({ freshness: { now, dataThrough, lagSeconds }, shown }) {
  const { state } = freshness({ dataThrough, lagSeconds });
  const at = (moment) => `${fullDay(moment)} ${fullClock(moment)} UTC`;
  const advice = {
    none: "Nothing was stored yet. Is a worker running, and is anything sent?",
    good: "Every call that reached the log until then is in these numbers.",
    late: "The worker is catching up, or is slow; numbers after that moment are not complete.",
    behind: "The worker does not keep up, or stands still: look at its lag and log. Numbers after that moment are not complete.",
  };
  const rows = [
    { name: "Data through", shown: dataThrough ? at(new Date(dataThrough)) : "–", raw: dataThrough },
    { name: "Lag", shown: lagSeconds === null ? "–" : age(lagSeconds), raw: lagSeconds === null ? null : `${lagSeconds} s` },
    { name: "Answered at", shown: at(new Date(now)), raw: now },
    { name: "Time shown", shown: `${at(new Date(shown.start))} to ${at(new Date(shown.end))}`, raw: `${shown.start}/${shown.end}` },
  ];
  return {
    summary: advice[state],
    columns: [
      { title: "Fact", value: ({ name }) => name, text: true },
      { title: "Value", value: ({ raw }) => raw, text: true },
    ],
    rows,
    figure: facts(rows.map(({ name, shown: words }) => [name, words])),
  };
}

function facts(pairs) {
  return element(
    "dl",
    { class: "facts" },
    pairs.map(([name, words]) => element("div", {}, element("dt", {}, name), element("dd", {}, words))),
  );
}
