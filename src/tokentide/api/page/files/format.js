// How are values written for people? Pure functions; every text has its unit. Times are UTC.

const COUNT = new Intl.NumberFormat("en-US");
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const FULL_UP_TO = 10_000_000;
const DAY_SECONDS = 86_400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 1,234,567; from ten million on 12.3M. */
export function count(value) {
  return Math.abs(value) < FULL_UP_TO ? COUNT.format(value) : COMPACT.format(value);
}

/** 1.2K, for axes. */
export function compact(value) {
  return COMPACT.format(value);
}

/** $1,234.50; below ten cents as many decimals as tell something, at most six; from ten million on $12.3M. */
export function money(dollars) {
  const size = Math.abs(dollars);
  if (size >= FULL_UP_TO) return compactMoney(dollars);
  const decimals = size === 0 || size >= 0.1 ? 2 : Math.min(6, 2 - Math.floor(Math.log10(size)));
  const digits = { minimumFractionDigits: Math.min(decimals, 2), maximumFractionDigits: decimals };
  return `${dollars < 0 ? "−" : ""}$${size.toLocaleString("en-US", digits)}`;
}

/** $1.2K, for axes. */
export function compactMoney(dollars) {
  return Math.abs(dollars) < 1000 ? money(dollars) : `$${COMPACT.format(dollars)}`;
}

/** 12.3 % of a share of 0.123. */
export function percent(share) {
  const value = share * 100;
  if (value === 0) return "0 %";
  const decimals = value >= 10 ? 1 : value >= 0.1 ? 2 : 3;
  return `${value.toFixed(decimals)} %`;
}

/** 12.5 %, 10 %, for axes. */
export function compactPercent(share) {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** 0.5 ms, 812 ms, 1.25 s, 2 min 5 s. */
export function duration(ms) {
  if (ms < 10) return `${COUNT.format(Number(ms.toPrecision(2)))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_995) return `${Number((ms / 1000).toPrecision(3))} s`;
  const seconds = Math.round(ms / 1000);
  return `${COUNT.format(Math.floor(seconds / 60))} min ${seconds % 60} s`;
}

/** 3 s, 4 min, 2 h, 5 days. */
export function age(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * DAY_SECONDS) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / DAY_SECONDS)} days`;
}

/** 28 Nov. */
export function day(date) {
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** 28 Nov 2026. */
export function fullDay(date) {
  return `${day(date)} ${date.getUTCFullYear()}`;
}

/** 14:00. */
export function clock(date) {
  return date.toISOString().slice(11, 16);
}

/** 14:00:07. */
export function fullClock(date) {
  return date.toISOString().slice(11, 19);
}

/** What a bucket is called: a day, or an hour of a day. */
export function bucketName(start, stepSeconds) {
  if (stepSeconds >= DAY_SECONDS) return day(start);
  return `${day(start)} ${clock(start)}–${clock(new Date(start.getTime() + stepSeconds * 1000))}`;
}

/** How a figure changed against the time before: +12 %, or what else there is to say. */
export function change(now, before) {
  if (before === 0) return now === 0 ? "as before" : "none before";
  const share = now / before - 1;
  if (Math.abs(share) < 0.0005) return "as before";
  const digits = { maximumFractionDigits: Math.abs(share) < 0.1 ? 1 : 0 };
  return `${share > 0 ? "+" : "−"}${(Math.abs(share) * 100).toLocaleString("en-US", digits)} %`;
}

/** "1 request", "2 requests". */
export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}
