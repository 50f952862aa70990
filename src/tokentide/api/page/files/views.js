// What does each chart over time, or by name, say? From the server's answer: words, a table, and a plot.

import { bucketName, compact, compactMoney, compactPercent, count, duration, money, percent, plural } from "./format.js";
import { heatmap } from "./heatmap.js";
import { rowPlot } from "./rows.js";
import { timePlot } from "./timeplot.js";

const HOUR_MS = 3_600_000;
const MOST_ROWS = 8;
const LATENCIES = [
  { name: "p50", className: "series-1", unit: "ms", value: latencyOf("p50") },
  { name: "p95", className: "series-2", unit: "ms", value: latencyOf("p95") },
  { name: "p99", className: "series-3", unit: "ms", value: latencyOf("p99") },
];
const BY_NAME = { title: "Model", value: ({ model }) => model, text: true };

/** Requests over time. */
export function requests(picture) {
  const { total } = picture;
  const failed = total.errors ? `, of which ${count(total.errors)} failed` : "";
  return overTime(picture, {
    summary: `${plural(total.requests, "request")}${failed}. ${busiest(picture)}`,
    series: [{ name: "Requests", className: "series-1", value: ({ requests }) => requests }],
    ...{ stacked: true, axis: compact, whole: true, format: (value) => plural(value, "request") },
  });
}

/** Cost over time. */
export function cost(picture) {
  const { total } = picture;
  const each = total.requests ? `, ${money(total.cost / total.requests)} a request on average` : "";
  return overTime(picture, {
    summary: `${money(total.cost)}${each}.`,
    series: [{ name: "Cost", className: "series-2", unit: "USD", value: (bucket) => bucket.cost }],
    ...{ stacked: true, axis: compactMoney, format: money },
  });
}

/** Tokens over time. */
export function tokens(picture) {
  const { total, costs } = picture;
  return overTime(picture, {
    summary:
      `${compact(total.inputTokens)} input and ${compact(total.outputTokens)} output tokens; ` +
      `${percent(costs.cacheRate)} of the input came from a prompt cache.`,
    series: [
      { name: "Input", className: "series-1", unit: "tokens", value: ({ inputTokens }) => inputTokens },
      { name: "Output", className: "series-3", unit: "tokens", value: ({ outputTokens }) => outputTokens },
    ],
    ...{ stacked: true, axis: compact, whole: true, format: count },
  });
}

/** The share of failed requests over time. */
export function errorRate(picture) {
  const { total } = picture;
  return overTime(picture, {
    summary:
      `${count(total.errors)} of ${plural(total.requests, "request")} failed (${percent(total.errorRate)}): ` +
      "errors, time-outs and rate limits.",
    series: [
      {
        ...{ name: "Error rate", className: "series-2", unit: "%" },
        value: ({ requests, errorRate: share }) => (requests ? share : null),
        told: (bucket) => (bucket.requests ? Number((bucket.errorRate * 100).toFixed(4)) : null),
      },
    ],
    ...{ stacked: false, axis: compactPercent, format: percent },
    extra: [{ title: "Failed", value: ({ errors }) => errors }],
  });
}

/** Latency percentiles over time. */
export function latency(picture) {
  const { p50, p95, p99 } = picture.latency;
  return overTime(picture, {
    summary: picture.total.requests
      ? `Half of the requests took at most ${duration(p50)}, 95 % at most ${duration(p95)}, 99 % at most ${duration(p99)}.`
      : "No requests.",
    ...{ series: LATENCIES, stacked: false, axis: duration, format: duration },
  });
}

/** Cost by model, and where the month is heading. */
export function costByModel({ costs, total, monthToDate, projectedMonthEnd }) {
  const [dearest] = costs.byModel;
  const leads = dearest && total.cost > 0;
  const most = leads ? `${dearest.model} costs most: ${percent(dearest.total_cost / total.cost)} of the cost shown. ` : "";
  return byName(costs.byModel, {
    summary:
      `${most}This month so far: ${money(monthToDate)}; at this pace ${money(projectedMonthEnd)} by its end. ` +
      `Thirty days like those shown: ${money(costs.forecast30d)}.`,
    columns: [
      BY_NAME,
      { title: "Cost", unit: "USD", value: (row) => row.total_cost },
      { title: "Requests", value: ({ calls }) => calls },
      { title: "Cost a request", unit: "USD", value: (row) => row.avg_cost },
    ],
    row: (row) => ({ name: row.model, figure: money(row.total_cost), bar: row.total_cost }),
    className: "series-2",
    tell: (row) => `${row.model}: ${money(row.total_cost)}, ${plural(row.calls, "request")}, ${money(row.avg_cost)} each`,
  });
}

/** Latency by model. */
export function latencyByModel({ models }) {
  const slowest = models.toSorted((one, other) => other.latency.p95 - one.latency.p95);
  const summary = models.length
    ? `Slowest at the 95th percentile: ${slowest[0].model} (${duration(slowest[0].latency.p95)}); ` +
      `fastest: ${slowest.at(-1).model} (${duration(slowest.at(-1).latency.p95)}).`
    : "No requests.";
  return {
    ...byName(slowest, {
      ...{ summary, className: "series-1" },
      columns: [
        BY_NAME,
        { title: "Requests", value: (row) => row.requests },
        ...LATENCIES.map(({ name, unit, value }) => ({ title: name, unit, value })),
        { title: "Error rate", unit: "%", value: ({ errorRate: share }) => Number((share * 100).toFixed(4)) },
      ],
      row: (row) => ({
        ...{ name: row.model, figure: `p95 ${duration(row.latency.p95)}` },
        range: [row.latency.p50, row.latency.p95, row.latency.p99],
      }),
      tell: ({ model, latency: { p50, p95, p99 }, requests: calls }) =>
        `${model}: p50 ${duration(p50)}, p95 ${duration(p95)}, p99 ${duration(p99)}; ${plural(calls, "request")}`,
    }),
    legend: LATENCIES,
  };
}

/** How many requests were rate limited, by hour. */
export function rateLimits({ errors: { rateLimitHeatmap }, shown }) {
  const found = new Map(rateLimitHeatmap.map((entry) => [Date.parse(entry.hour), entry.rate_limited_count]));
  const hours = [];
  for (let at = Date.parse(shown.start); at < Date.parse(shown.end); at += HOUR_MS) {
    hours.push({ start: new Date(at), value: found.get(at) ?? 0 });
  }
  const all = hours.reduce((sum, { value }) => sum + value, 0);
  const worst = hours.reduce((most, hour) => (hour.value > most.value ? hour : most));
  return {
    summary: all
      ? `${plural(all, "request")} were refused with 429, most of them on ${bucketName(worst.start, 3600)} (${count(worst.value)}).`
      : "No request was refused with 429.",
    legend: all ? heatLegend(worst.value) : null,
    columns: [
      { title: "Hour", unit: "UTC", value: ({ start }) => start.toISOString().slice(0, 16), text: true },
      { title: "Rate limited", value: ({ value }) => value },
    ],
    rows: hours.filter(({ value }) => value > 0),
    plot: (width) => heatmap(width, hours),
    cursorText: (index) => `${bucketName(hours[index].start, 3600)}: ${plural(hours[index].value, "request")} refused with 429`,
  };
}

function heatLegend(most) {
  return [
    { name: "none", className: "heat-0" },
    ...(most > 1 ? [{ name: "few", className: "heat heat-1" }] : []),
    { name: `${count(most)} an hour`, className: "heat" },
  ];
}

function overTime(picture, { summary, series, format, extra = [], ...drawn }) {
  const { stepSeconds } = picture.shown;
  const now = Date.parse(picture.freshness.now);
  const buckets = picture.timeline.map((bucket) => {
    const start = new Date(bucket.start);
    return { ...bucket, start, open: start.getTime() + stepSeconds * 1000 > now };
  });
  const figures = series.map(({ name, unit, value, told }) => ({ title: name, unit, value: told ?? value }));
  return {
    summary,
    legend: series.length > 1 ? series : null,
    columns: [{ title: "Start", unit: "UTC", value: startText(stepSeconds), text: true }, ...figures, ...extra],
    rows: buckets,
    plot: (width) => timePlot(width, { buckets, stepSeconds, series, ...drawn }),
    cursorText: (index) => {
      const bucket = buckets[index];
      const told = series.map(({ name, value }) => {
        const found = value(bucket);
        const figure = found === null ? "no requests" : format(found);
        return series.length > 1 ? `${name} ${figure}` : figure;
      });
      return `${bucketName(bucket.start, stepSeconds)}: ${told.join(", ")}${bucket.open ? " so far" : ""}`;
    },
  };
}

/** A view of named rows, the first of which are drawn and all of which stand in the table. */
export function byName(rows, { summary, columns, row, className, tell }) {
  const drawn = rows.slice(0, MOST_ROWS);
  const rest = rows.length - drawn.length;
  return {
    summary: rest > 0 ? `${summary} The table has ${count(rest)} more.` : summary,
    ...{ columns, rows },
    plot: (width) => rowPlot(width, drawn.map(row), className),
    cursorText: (index) => tell(drawn[index]),
  };
}

function latencyOf(level) {
  return ({ requests: calls, latency: values }) => (calls ? values[level] : null);
}

function startText(stepSeconds) {
  return ({ start }) => start.toISOString().slice(0, stepSeconds < 86_400 ? 16 : 10);
}

function busiest({ timeline, shown: { stepSeconds } }) {
  const most = timeline.reduce((high, bucket) => (bucket.requests > high.requests ? bucket : high));
  if (!most.requests) return "";
  return `The most in one ${stepSeconds < 86_400 ? "hour" : "day"}: ${count(most.requests)}, on ${bucketName(new Date(most.start), stepSeconds)}.`;
}
