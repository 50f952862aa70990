// How is one chart offered? As a picture with a cursor for mouse, finger and keys, in words, as a table, and as a file.

import { csv, download } from "./csv.js";
import { element } from "./dom.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 24, PageUp: -24 };

/**
 * A panel that stays on the page while what it shows changes.
 *
 * A view is `{summary, legend, columns, rows, plot, cursorText, figure}`: `plot(width)` draws it, and there is a cursor
 * over it when `cursorText(index)` says what stands there; `figure` is an element to show instead of a plot.
 */
export class Panel {
  constructor({ id, title, layout = "" }) {
    this.id = id;
    this.title = title;
    this.view = null;
    this.plot = null;
    this.index = null;
    this.summary = element("p", { class: "summary", id: `${id}-summary` });
    this.legend = element("ul", { class: "legend", "aria-hidden": "true" });
    this.tip = element("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.canvas = element("div", { class: "canvas" });
    this.table = element("div", {
      ...{ class: "table", id: `${id}-table`, role: "region", tabindex: "0", hidden: true },
      "aria-label": `${title}: table`,
    });
    this.toggle = button("Table", `Show ${title} as a table`, { "aria-expanded": "false", "aria-controls": `${id}-table` });
    this.save = button("CSV", `Download ${title} as CSV`);
    this.node = element(
      "section",
      { class: `card panel ${layout}`, id, "aria-labelledby": `${id}-title` },
      element(
        "div",
        { class: "panel-head" },
        element("h2", { id: `${id}-title` }, title),
        element("div", { class: "panel-tools" }, this.toggle, this.save),
      ),
      this.summary,
      this.legend,
      element("div", { class: "stage" }, this.canvas, this.tip),
      this.table,
    );
    this.#listen();
  }

  /** Show a view, or another one: what is open stays open, and where the cursor stands it stays. */
  show(view, name) {
    this.view = view;
    this.fileName = `tokentide-${this.id}-${name}.csv`;
    this.summary.textContent = view.summary;
    this.legend.replaceChildren(...(view.legend ?? []).map(legendEntry));
    this.legend.hidden = !view.legend;
    if (!this.table.hidden) this.#fillTable();
    this.draw();
  }

  /** Draw it again, for the room that there is now. */
  draw() {
    if (this.view?.figure) this.canvas.replaceChildren(this.view.figure);
    if (!this.view?.plot) return;
    const width = Math.floor(this.canvas.clientWidth);
    if (width < 60) return;
    this.plot = this.view.plot(width);
    this.canvas.replaceChildren(this.plot.picture);
    this.#offerCursor();
    if (this.index !== null) this.#point(Math.min(this.index, this.plot.count - 1));
  }

  #offerCursor() {
    const role = this.plot.count > 0 && this.view.cursorText ? "slider" : null;
    if (!role) {
      for (const name of ["role", "tabindex", "aria-label"]) this.canvas.removeAttribute(name);
      return;
    }
    const at = this.index ?? this.plot.count - 1;
    const attributes = {
      ...{ role, tabindex: "0", "aria-label": `${this.title}: move through the chart with the arrow keys` },
      ...{ "aria-describedby": `${this.id}-summary`, "aria-valuemin": "0", "aria-valuemax": String(this.plot.count - 1) },
      ...{ "aria-valuenow": String(at), "aria-valuetext": this.view.cursorText(Math.min(at, this.plot.count - 1)) },
    };
    for (const [name, value] of Object.entries(attributes)) this.canvas.setAttribute(name, value);
  }

  #point(index) {
    this.index = index;
    const place = this.plot.mark(index);
    this.tip.hidden = index === null;
    if (index === null) return;
    const text = this.view.cursorText(index);
    this.tip.textContent = text;
    this.canvas.setAttribute("aria-valuenow", String(index));
    this.canvas.setAttribute("aria-valuetext", text);
    const half = this.tip.offsetWidth / 2;
    const x = Math.min(Math.max(place.x, half), this.canvas.clientWidth - half);
    this.tip.style.transform = `translate(${Math.round(x - half)}px, ${Math.round(place.y - this.tip.offsetHeight - 8)}px)`;
  }

  #listen() {
    this.toggle.addEventListener("click", () => {
      this.table.hidden = !this.table.hidden;
      this.toggle.setAttribute("aria-expanded", String(!this.table.hidden));
      if (!this.table.hidden) this.#fillTable();
    });
    this.save.addEventListener("click", () => download(this.fileName, csv(this.view.columns, this.view.rows)));
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.plot?.count || !this.view.cursorText) return;
      const box = this.canvas.getBoundingClientRect();
      this.#point(this.plot.at(event.clientX - box.left, event.clientY - box.top));
    });
    const leave = () => this.plot?.count && this.view.cursorText && this.#point(null);
    this.canvas.addEventListener("pointerleave", leave);
    this.canvas.addEventListener("blur", leave);
    this.canvas.addEventListener("keydown", (event) => this.#move(event));
  }

  #move(event) {
    if (!this.plot?.count || !this.view.cursorText) return;
    const last = this.plot.count - 1;
    const from = this.index ?? last;
    const ends = { Home: 0, End: last };
    if (event.key === "Escape") return this.#point(null);
    if (!(event.key in STEPS) && !(event.key in ends)) return;
    event.preventDefault();
    const step = this.index === null ? 0 : STEPS[event.key];
    this.#point(ends[event.key] ?? Math.min(last, Math.max(0, from + step)));
  }

  #fillTable() {
    const { columns, rows } = this.view;
    const head = columns.map(({ title, unit, text }) =>
      element("th", { scope: "col", class: text ? null : "number" }, unit ? `${title}, ${unit}` : title),
    );
    const body = rows.map((row) => element("tr", {}, columns.map((column, place) => tableCell(column, row, place))));
    this.table.replaceChildren(
      element(
        "table",
        {},
        element("caption", { class: "unseen" }, this.title),
        element("thead", {}, element("tr", {}, head)),
        element("tbody", {}, body),
      ),
    );
  }
}

function tableCell({ value, text }, row, place) {
  const found = value(row);
  const number = typeof found === "number";
  const shown = number ? found.toLocaleString("en-US", { maximumFractionDigits: 6 }) : (found ?? "–") || "(none)";
  const attributes = { class: text ? null : "number" };
  return place === 0 ? element("th", { scope: "row", ...attributes }, shown) : element("td", attributes, shown);
}

function button(text, label, attributes = {}) {
  return element("button", { type: "button", class: "small", "aria-label": label, title: label, ...attributes }, text);
}

function legendEntry({ name, className }) {
  return element("li", {}, element("span", { class: `key ${className}` }), name);
}
