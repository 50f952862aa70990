// What is shown? The address says it, so that it can be shared, kept as a bookmark and gone back to.

/** The ranges of the picker. */
export const RANGES = [
  { name: "24h", title: "24 hours" },
  { name: "7d", title: "7 days" },
  { name: "30d", title: "30 days" },
  { name: "90d", title: "90 days" },
  { name: "month", title: "Month" },
];

const NAMES = ["project", "range", "from", "to"];

/** What an address asks for; what it does not know, the server answers. */
export function readState(search) {
  const asked = new URLSearchParams(search);
  return Object.fromEntries(NAMES.map((name) => [name, asked.get(name) || null]));
}

/** The address of a state, as `?project=…&range=…`, or `/` for all that is usual. */
export function addressOf(state) {
  const dates = state.from || state.to;
  const named = NAMES.filter((name) => state[name] && !(dates && name === "range"));
  const asked = new URLSearchParams(named.map((name) => [name, state[name]]));
  return asked.size ? `/?${asked}` : "/";
}

/** Which range of the picker it is; null for days of the calendar. */
export function rangeOf(state) {
  return state.from || state.to ? null : (state.range ?? "24h");
}
