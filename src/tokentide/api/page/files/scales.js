// Where does a value stand in a plot? Pure arithmetic, without a document.

const STEPS = [1, 2, 2.5, 5, 10];

/**
 * Round values for an axis from 0 to at least `most`, in about `wanted` steps; the last one is where the axis ends.
 * `whole` keeps steps at whole numbers.
 */
export function ticks(most, wanted = 4, whole = false) {
  if (!(most > 0)) return [0, 1];
  const rough = most / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * STEPS.find((factor) => factor * power >= rough * (1 - 1e-9));
  if (whole) step = Math.max(1, Math.ceil(step));
  const found = [0];
  while (found.at(-1) < most * (1 - 1e-9)) found.push(Number((found.length * step).toPrecision(12)));
  return found;
}

/** Maps [0, most] onto the pixels from `low` to `high`. */
export function linear(most, low, high) {
  return (value) => low + (value / (most || 1)) * (high - low);
}

/** Bands of equal width: where each begins, its width, and which one holds a position. */
export function bands(number, left, right) {
  const width = (right - left) / Math.max(1, number);
  return {
    width,
    start: (index) => left + index * width,
    middle: (index) => left + (index + 0.5) * width,
    at: (x) => Math.min(number - 1, Math.max(0, Math.floor((x - left) / width))),
  };
}

/** Which buckets of a time axis are labelled: those at round hours or days, as many as fit. */
export function labelled(starts, stepSeconds, room) {
  const hours = stepSeconds < 86_400;
  const everyHours = [3, 6, 12, 24, 48, 72, 24 * 7, 24 * 14, 24 * 28];
  const perBucket = hours ? 1 : 24;
  const every = everyHours.find((each) => each >= perBucket && (starts.length * perBucket) / each <= room) ?? 24 * 28;
  const marked = [];
  starts.forEach((start, index) => {
    const hour = Math.floor(start.getTime() / 3_600_000);
    if (every <= 24 ? hour % every === 0 : index % Math.round(every / perBucket) === firstMidnight(starts, perBucket)) {
      marked.push(index);
    }
  });
  return marked;
}

function firstMidnight(starts, perBucket) {
  if (perBucket === 24) return 0;
  return Math.max(0, starts.findIndex((start) => start.getUTCHours() === 0));
}
