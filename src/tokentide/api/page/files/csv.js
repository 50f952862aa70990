// What does a table look like as a file? RFC 4180, and nothing in it that a spreadsheet would run.

/** The text of a CSV file: a header of titles with units, then the values as numbers and plain texts. */
export function csv(columns, rows) {
  const head = columns.map(({ title, unit }) => (unit ? `${title} (${unit})` : title));
  const lines = [head, ...rows.map((row) => columns.map(({ value }) => value(row)))];
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Offer a text to the reader as a file of that name. */
export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
