// When is it time to look again? After a pause; not while nobody sees the page, and not while the reader stopped it.

export class Live {
  /** `refresh` is called when it is time; it calls `after` when it is done. */
  constructor(refresh) {
    this.refresh = refresh;
    this.on = true;
    this.timer = null;
    this.due = false;
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  /** Look again after so many seconds. */
  after(seconds) {
    clearTimeout(this.timer);
    this.due = false;
    this.timer = setTimeout(() => this.#time(), seconds * 1000);
  }

  /** Stop, or go on at once. */
  toggle() {
    this.on = !this.on;
    if (this.on) this.#time();
  }

  #time() {
    if (this.on && !document.hidden) this.refresh();
    else this.due = true;
  }

  #seen() {
    if (this.due && !document.hidden && this.on) {
      this.due = false;
      this.refresh();
    }
  }
}
